import { expect } from "vitest";
import { SECOND } from "../support/clock.ts";
import { approve, authorize, codeOf, connect, decline, expectRead, type OwnBench, requestIdOf, requestUriOf, tokensOf } from "./bench.ts";
import { type JwtChange, makeKey, withMembers } from "./suite-client.ts";
import { jsonOf, send } from "./wire.ts";

/** A module of the plan that must succeed, or where the suite allows more than one outcome and this is ours. */
export interface PositiveCase {
  readonly module: string;
  readonly sends: string;
  readonly demands: string;
  readonly run: (bench: OwnBench) => Promise<void>;
}

const random = (length: number): string => "Zx9-".repeat(Math.ceil(length / 4)).slice(0, length);
const iat = ({ clock }: OwnBench, seconds: number): JwtChange => ({
  claims: withMembers({ iat: Math.floor(clock.now() / 1000) + seconds }),
});

async function withProofsOf(bench: OwnBench, proof: JwtChange): Promise<void> {
  const { first } = bench;
  const code = await authorize(bench, first, { proof });
  const tokens = tokensOf(await first.redeem(code, { proof }));
  expectRead(await first.read(tokens.access_token, tokens.grant_id, { proof }));
}

/** `AbstractFAPI2SPFinalEnsureRequestObjectWithoutState`; `outside`: a state that only the browser brings. */
async function withoutState(bench: OwnBench, outside?: string): Promise<void> {
  const { first } = bench;
  const { state: _, ...request } = first.request();
  const uri = requestUriOf(await first.push({}, request));
  const id = requestIdOf(await first.visit(uri, { ...request, ...(outside === undefined ? {} : { state: outside }) }));
  const code = codeOf(await approve(bench, id), first, request);
  tokensOf(await first.redeem(code));
}

export const POSITIVE_CASES: readonly PositiveCase[] = [
  {
    module: "FAPI2SPFinalDiscoveryEndpointVerification",
    sends: "GET of the metadata document",
    demands: "200, JSON, this issuer, and each value that the profile asks for",
    run: async ({ system }) => {
      const { issuer } = system;
      const answer = await send({ method: "GET", url: `${issuer}/.well-known/oauth-authorization-server` });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toMatch(/^application\/json\b/);
      const metadata = jsonOf(answer);
      expect(metadata).toMatchObject({
        issuer,
        authorization_response_iss_parameter_supported: true,
        require_pushed_authorization_requests: expect.any(Boolean),
        response_types_supported: expect.arrayContaining(["code"]),
        code_challenge_methods_supported: expect.arrayContaining(["S256"]),
        token_endpoint_auth_methods_supported: expect.arrayContaining(["private_key_jwt"]),
        grant_types_supported: expect.arrayContaining(["authorization_code", "refresh_token"]),
        authorization_details_types_supported: expect.any(Array),
      });
      for (const name of ["pushed_authorization_request_endpoint", "authorization_endpoint", "token_endpoint", "jwks_uri"])
        expect(metadata[name]).toSatisfy((url: unknown) => typeof url === "string" && url.startsWith(`${issuer}/`) && !url.includes("#"));
      // FAPI2Check…SigningAlgValuesSupported: one of these at least, and nothing besides (5.4.1).
      const allowed = ["PS256", "ES256", "EdDSA", "Ed25519"];
      for (const name of ["dpop_signing_alg_values_supported", "token_endpoint_auth_signing_alg_values_supported"])
        expect(metadata[name]).toSatisfy((algs: string[]) => algs.length > 0 && algs.every((alg) => allowed.includes(alg)));
      // CheckDiscEndpointScopesSupportedSyntax
      for (const scope of (metadata.scopes_supported ?? []) as string[]) expect(scope).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
      const keys = jsonOf(await send({ method: "GET", url: String(metadata.jwks_uri) })).keys as Array<Record<string, unknown>>;
      expect(keys.length).toBeGreaterThan(0);
      expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
      for (const key of keys) {
        expect(key).toMatchObject({ kid: expect.any(String), kty: expect.any(String) });
        for (const secret of ["d", "p", "q", "k"]) expect(key).not.toHaveProperty(secret);
      }
    },
  },
  {
    module: "FAPI2SPFinalHappyFlow",
    sends:
      "two clients, the second with a redirect URI that has a query, a state of 128 characters and dpop_jkt alone; " +
      "reads with several Accept headers; the token of the second with the key of the first",
    demands: "codes, tokens and reads; 4xx for the other client's token",
    run: async (bench) => {
      const { first, second } = bench;
      const one = await connect(bench, first);
      expect(one).not.toHaveProperty("id_token");
      for (const accept of ["application/json", "application/json;charset=UTF-8", "application/json, application/*+json, */*", "*/*"])
        expectRead(await first.read(one.access_token, one.grant_id, { accept }));
      const change = { redirect_uri: second.redirectUriWithQuery, state: random(128), dpop_jkt: await second.jkt() };
      const code = await authorize(bench, second, { change });
      const two = tokensOf(await second.redeem(code, { form: { redirect_uri: second.redirectUriWithQuery } }));
      expectRead(await second.read(two.access_token, two.grant_id));
      const stolen = await first.read(two.access_token, two.grant_id);
      expect(stolen.status).toBe(401);
    },
  },
  {
    module: "FAPI2SPFinalUserRejectsAuthentication",
    sends: "two requests that the customer declines, the second with a redirect URI that has a query",
    demands: "access_denied with state and iss at the redirect URI, and no other parameter than its own",
    run: async (bench) => {
      const { first, second } = bench;
      for (const [client, redirect_uri] of [
        [first, first.redirectUri],
        [second, second.redirectUriWithQuery],
      ] as const) {
        const request = { ...client.request(), redirect_uri, state: random(128) };
        const uri = requestUriOf(await client.push({}, request));
        const back = await decline(bench, requestIdOf(await client.visit(uri, request)));
        const { error_description: _, ...answer } = Object.fromEntries(back.searchParams);
        expect(`${back.origin}${back.pathname}`).toBe(client.redirectUri);
        expect(back.hash).toBe("");
        expect(answer).toEqual({
          error: "access_denied",
          state: request.state,
          iss: client.issuer,
          ...(redirect_uri.includes("?") ? { dummy1: "lorem", dummy2: "ipsum" } : {}),
        });
      }
    },
  },
  {
    module: "FAPI2SPFinalEnsureAuthorizationRequestWithoutStateSuccess",
    sends: "no state",
    demands: "success, and no state in the answer",
    run: (bench) => withoutState(bench),
  },
  {
    module: "FAPI2SPFinalStateOnlyOutsideRequestObjectNotUsed",
    sends: "no state at the PAR endpoint, one at the authorization endpoint",
    demands: "success without that state, or an error",
    run: (bench) => withoutState(bench, "only-outside"),
  },
  {
    module: "FAPI2SPFinalEnsureDifferentStateInsideAndOutsideRequestObject",
    sends: "one state at the PAR endpoint, another at the authorization endpoint",
    demands: "the one that was pushed, or an error",
    run: async (bench) => {
      const { first } = bench;
      const request = first.request();
      const uri = requestUriOf(await first.push({}, request));
      const id = requestIdOf(await first.visit(uri, { ...request, state: "another" }));
      codeOf(await approve(bench, id), first, request);
    },
  },
  {
    module: "FAPI2SPFinalEnsureAuthorizationRequestWithLongState",
    sends: "a state of 1000 characters",
    demands: "the same state in the answer; a refusal is allowed with a warning, and we give none",
    run: async (bench) => {
      await authorize(bench, bench.first, { change: { state: random(1000) } });
    },
  },
  {
    module: "FAPI2SPFinalAccessTokenTypeHeaderCaseSensitivity",
    sends: "the Authorization scheme in inverted case: dpOp",
    demands: "success (RFC 9110, 11.1)",
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.first);
      for (const scheme of ["dpOp", "dpop", "DPOP"]) expectRead(await bench.first.read(access_token, grant_id, { scheme }));
    },
  },
  {
    module: "FAPI2SPFinalCheckDpopProofNbfExp",
    sends: "proofs with nbf now and exp in five minutes",
    demands: "success at the token endpoint and at the resource",
    run: async (bench) => {
      const { first, system } = bench;
      const now = Math.floor(system.clock.now() / 1000);
      const proof: JwtChange = { claims: withMembers({ nbf: now, exp: now + 300 }) };
      const tokens = tokensOf(await first.redeem(await authorize(bench, first), { proof }));
      expectRead(await first.read(tokens.access_token, tokens.grant_id, { proof }));
    },
  },
  {
    module: "FAPI2SPFinalEnsureDpopProofWithIat10SecondsBeforeSucceeds",
    sends: "proofs with iat 10 seconds ago at PAR, token and resource",
    demands: "success",
    run: (bench) => withProofsOf(bench, iat(bench, -10)),
  },
  {
    module: "FAPI2SPFinalEnsureDpopProofWithIat10SecondsAfterSucceeds",
    sends: "proofs with iat 8 seconds ahead at PAR, token and resource",
    demands: "success",
    run: (bench) => withProofsOf(bench, iat(bench, 8)),
  },
  {
    module: "FAPI2SPFinalEnsureDpopProofAtParEndpointBindingSuccess",
    sends: "a proof at the PAR endpoint, one by the same key at the token endpoint",
    demands: "success",
    run: (bench) => withProofsOf(bench, {}),
  },
  {
    module: "FAPI2SPFinalEnsureDpopAuthCodeBindingSuccess",
    sends: "dpop_jkt and a proof by that key at the PAR endpoint, and at the token endpoint",
    demands: "success",
    run: async (bench) => {
      const { first } = bench;
      const code = await authorize(bench, first, { proof: {}, change: { dpop_jkt: await first.jkt() } });
      const tokens = tokensOf(await first.redeem(code));
      expectRead(await first.read(tokens.access_token, tokens.grant_id));
    },
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "a refresh token, twice, and the new access tokens",
    demands: "success without rotation, and no id_token",
    run: async (bench) => {
      const { first } = bench;
      const tokens = await connect(bench, first);
      for (let round = 0; round < 2; round++) {
        const fresh = tokensOf(await first.refresh(tokens.refresh_token), { refreshed: true });
        expect(fresh.refresh_token ?? tokens.refresh_token).toBe(tokens.refresh_token);
        expect(fresh).not.toHaveProperty("id_token");
        expect(fresh.access_token).not.toBe(tokens.access_token);
        expectRead(await first.read(fresh.access_token, tokens.grant_id));
      }
    },
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "the scope of its configuration, which the module can't do without, at PAR and with the refresh token, and a proof by a new key",
    demands:
      "success: a scope may be ignored (RFC 6749, 3.3), and a confidential client's refresh token has no key of its own (RFC 9449, 5)",
    run: async (bench) => {
      const { first } = bench;
      const scope = "grant_management_query";
      const { refresh_token, grant_id } = tokensOf(await first.redeem(await authorize(bench, first, { change: { scope } })));
      const dpop = await makeKey(first.key.alg);
      const fresh = tokensOf(await first.refresh(refresh_token, { form: { scope }, dpop }), { refreshed: true });
      expectRead(await first.read(fresh.access_token, grant_id, { dpop }));
    },
  },
  {
    module: "FAPI2SPFinalPAREnsureServerAcceptsReusedRequestUriBeforeAuthenticationCompletion",
    sends: "a request_uri that is visited twice before it is answered",
    demands: "success (FAPI 2.0, 5.3.2.2, note 3)",
    run: async (bench) => {
      const { first, system } = bench;
      const request = first.request();
      const uri = requestUriOf(await first.push({}, request));
      const one = requestIdOf(await first.visit(uri, request));
      system.clock.pass(2 * SECOND);
      const two = requestIdOf(await first.visit(uri, request));
      expect(two).toBe(one);
      tokensOf(await first.redeem(codeOf(await approve(bench, two), first, request)));
    },
  },
  {
    module: "FAPI2SPFinalPAREnsureJWTClientAssertionWithIatNbf8SecondsInTheFutureIsAccepted",
    sends: "a client assertion with iat and nbf 8 seconds ahead",
    demands: "201",
    run: async (bench) => {
      const ahead = Math.floor(bench.system.clock.now() / 1000) + 8;
      await authorize(bench, bench.first, { assertion: { claims: withMembers({ iat: ahead, nbf: ahead }) } });
    },
  },
  {
    module: "FAPI2SPFinalParWithoutDuplicateParameters",
    sends: "nothing but client_id and request_uri at the authorization endpoint",
    demands: "success",
    run: async (bench) => {
      const { first } = bench;
      const request = first.request();
      const uri = requestUriOf(await first.push({}, request));
      codeOf(await approve(bench, requestIdOf(await first.visit(uri))), first, request);
    },
  },
  {
    module: "FAPI2SPFinalDpopNegativeTests",
    sends:
      "proofs that are unusual and right: DPOP as the header's name, htu with query and fragment or in upper case, members that nobody knows",
    demands: "success",
    run: async (bench) => {
      const { first } = bench;
      const { access_token, grant_id } = await connect(bench, first);
      const url = first.recordsUrl(grant_id);
      const { protocol, host, pathname } = new URL(url);
      expectRead(await first.read(access_token, grant_id, { carry: (proof) => ({ DPOP: proof }) }));
      const changes: JwtChange[] = [
        { claims: withMembers({ htu: `${url}?allthedoors#onthisspaceship` }) },
        { claims: withMembers({ htu: url }) },
        { claims: withMembers({ htu: `${protocol.toUpperCase()}//${host.toUpperCase()}${pathname}` }) },
        { header: withMembers({ tx_id: 1 }), claims: withMembers({ tx_id_key: 1 }) },
      ];
      for (const proof of changes) expectRead(await first.read(access_token, grant_id, { proof }));
    },
  },
];
