import { authorize, type Bench, connect } from "./bench.ts";
import type { Demand } from "./negative-cases.ts";
import { type Call, type JwtChange, makeKey, withMembers, without } from "./suite-client.ts";
import type { Answer } from "./wire.ts";

/** Wrong requests that the suite doesn't send, for two servers to answer. `at`: where the outcome stands. */
export interface WrongRequest {
  readonly sends: string;
  readonly at: "form" | "resource";
  readonly run: (bench: Bench) => Promise<Answer>;
}

export const DEMANDS: Record<WrongRequest["at"], Demand> = { form: { errors: {} }, resource: { resource: [] } };

const pushes = (sends: string, call: Call | ((bench: Bench) => Call | Promise<Call>)): WrongRequest => ({
  sends: `PAR with ${sends}`,
  at: "form",
  run: async (bench) => bench.first.push(typeof call === "function" ? await call(bench) : call),
});
const asserts = (sends: string, assertion: JwtChange): WrongRequest => pushes(`an assertion ${sends}`, { assertion });
const token = (sends: string, form: Record<string, string>, call: Call = {}): WrongRequest => ({
  sends: `token request with ${sends}`,
  at: "form",
  run: ({ first }) => first.token(form, call),
});
const redeems = (sends: string, call: Call): WrongRequest => ({
  sends: `token request with ${sends}`,
  at: "form",
  run: async (bench) => bench.first.redeem(await authorize(bench, bench.first), call),
});
const twice = (name: string) => (form: string) => `${form}&${name}=again`;
const someRefreshToken = `${"A".repeat(22)}.${"B".repeat(43)}`;

export const WRONG_REQUESTS: readonly WrongRequest[] = [
  pushes("no response_type", { form: { response_type: undefined } }),
  pushes("no client_assertion_type", { form: { client_assertion_type: undefined } }),
  pushes("another client_assertion_type", { form: { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" } }),
  pushes("an assertion that is no JWT", { form: { client_assertion: "no-jwt" } }),
  asserts("without iss", { claims: without("iss") }),
  asserts("without exp", { claims: without("exp") }),
  asserts("without jti", { claims: without("jti") }),
  asserts("without aud", { claims: without("aud") }),
  asserts("of alg none", { header: () => ({ alg: "none" }), signed: (jwt) => `${jwt.slice(0, jwt.lastIndexOf("."))}.` }),
  asserts("whose claims were changed afterwards", {
    signed: (jwt) => jwt.replace(/\.[^.]+\./, `.${Buffer.from("{}").toString("base64url")}.`),
  }),
  asserts("of an iss that is no client", { claims: withMembers({ iss: "https://nobody.example/client.json" }) }),
  {
    sends: "PAR with an assertion by another key of that name",
    at: "form",
    run: async ({ first }) => first.push({ assertion: { key: await makeKey(first.key.alg) } }),
  },
  {
    sends: "PAR with an assertion that was used before",
    at: "form",
    run: async ({ first }) => {
      const client_assertion = await first.assertion();
      await first.push({ form: { client_assertion } });
      return first.push({ form: { client_assertion } });
    },
  },
  pushes("a parameter twice", { body: twice("state") }),
  pushes("JSON in place of a form", { contentType: "application/json", body: () => "{}" }),
  pushes("authorization_details that are no JSON", { form: { authorization_details: "[{" } }),
  pushes("authorization_details of a type that nobody knows", { form: { authorization_details: '[{"type":"https://nobody.example/1"}]' } }),
  pushes("authorization_details that are an object", { form: { authorization_details: "{}" } }),
  pushes("a request object (JAR)", { form: { request: "eyJhbGciOiJub25lIn0.e30." } }),
  pushes("a code_challenge that is no hash", { form: { code_challenge: "short" } }),
  pushes("a dpop_jkt that is no thumbprint", { form: { dpop_jkt: "short" } }),
  pushes("a DPoP proof for another address", { proof: { claims: withMembers({ htu: "https://nobody.example/oauth/par" }) } }),
  pushes("a DPoP proof that is no JWT", { proof: { signed: () => "no-jwt" } }),
  pushes("http and a host for redirect_uri", { form: { redirect_uri: "http://nobody.example/callback" } }),

  token("no grant_type", {}),
  token("a grant_type that nobody knows", { grant_type: "urn:nobody:grant" }),
  token("the grant_type password", { grant_type: "password", username: "ada", password: "secret" }),
  token("the grant_type implicit", { grant_type: "implicit" }),
  token("no code", { grant_type: "authorization_code" }),
  token("a code that nobody issued", {
    grant_type: "authorization_code",
    code: "A".repeat(43),
    redirect_uri: "http://127.0.0.1/",
    code_verifier: "v".repeat(43),
  }),
  token("no refresh_token", { grant_type: "refresh_token" }),
  token("a refresh_token that nobody issued", { grant_type: "refresh_token", refresh_token: someRefreshToken }),
  token("a refresh_token that is no such thing", { grant_type: "refresh_token", refresh_token: "?" }),
  token("a parameter twice", { grant_type: "refresh_token", refresh_token: someRefreshToken }, { body: twice("refresh_token") }),
  token("JSON in place of a form", { grant_type: "refresh_token" }, { contentType: "application/json", body: () => "{}" }),
  redeems("another redirect_uri", { form: { redirect_uri: "http://127.0.0.1/elsewhere" } }),
  redeems("no redirect_uri", { form: { redirect_uri: undefined } }),
  redeems("a code_verifier that is too short", { form: { code_verifier: "short" } }),
  redeems("a DPoP proof for another method", { proof: { claims: withMembers({ htm: "GET" }) } }),
  redeems("a DPoP proof without jti", { proof: { claims: without("jti") } }),
  redeems("a DPoP proof of another typ", { proof: { header: withMembers({ typ: "JWT" }) } }),
  redeems("a DPoP proof that is too old", { proof: { claims: (claims) => ({ ...claims, iat: Number(claims.iat) - 3600 }) } }),

  {
    sends: "refresh with a proof by another key (a confidential client's refresh token is bound to the client: RFC 9449, 5)",
    at: "form",
    run: async (bench) => {
      const { refresh_token } = await connect(bench, bench.first);
      return bench.first.refresh(refresh_token, { dpop: await makeKey(bench.first.key.alg) });
    },
  },
  {
    sends: "read with a token that nobody issued",
    at: "resource",
    run: ({ first }) => first.read("nobody-issued-this", "A".repeat(22)),
  },
  {
    sends: "read with a token of which one character of the signature is another",
    at: "resource",
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.first);
      const other = access_token.at(-9) === "A" ? "B" : "A";
      return bench.first.read(`${access_token.slice(0, -9)}${other}${access_token.slice(-8)}`, grant_id);
    },
  },
  {
    sends: "read with a proof and no token",
    at: "resource",
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.first);
      return bench.first.read(access_token, grant_id, { scheme: "" });
    },
  },
  { sends: "introspection without client authentication", at: "form", run: ({ first }) => first.introspect("any", { assertion: null }) },
  { sends: "introspection of nothing", at: "form", run: ({ first }) => first.introspect("any", { form: { token: undefined } }) },
  { sends: "revocation without client authentication", at: "form", run: ({ first }) => first.revoke("any", { assertion: null }) },
  { sends: "revocation of nothing", at: "form", run: ({ first }) => first.revoke("any", { form: { token: undefined } }) },
  { sends: "revocation of what is no token (RFC 7009, 2.2: 200)", at: "form", run: ({ first }) => first.revoke("no-token-of-anyone") },
  {
    sends: "a refresh token after its revocation",
    at: "form",
    run: async (bench) => {
      const { refresh_token } = await connect(bench, bench.first);
      await bench.first.revoke(refresh_token);
      return bench.first.refresh(refresh_token);
    },
  },
  {
    sends: "an access token after its revocation",
    at: "resource",
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.first);
      await bench.first.revoke(access_token);
      return bench.first.read(access_token, grant_id);
    },
  },
];
