import { HOUR, SECOND } from "../support/clock.ts";
import { authorize, type Bench, codeOf, connect, requestUriOf, type Tokens, tokensOf } from "./bench.ts";
import { type Call, type JwtChange, makeKey, type Read, s256, withMembers, without } from "./suite-client.ts";
import { type Answer, jsonOf } from "./wire.ts";

/**
 * What the suite's condition accepts: by `error`, the statuses that go with it. `page`: an error that is shown to whoever stands before
 * the browser, never a redirect with a code. `resource`: a status alone, since the suite reads no more there.
 */
export type Demand =
  | { readonly errors: Readonly<Record<string, readonly number[]>> }
  | { readonly page: true }
  | { readonly resource: readonly number[] };

export interface NegativeCase {
  readonly module: string;
  readonly sends: string;
  /** The suite's condition, and what it accepts. */
  readonly condition: string;
  readonly demands: Demand;
  /** Which of it this server answers. */
  readonly answers: readonly [status: number, error: string];
  /** Keys for which the suite runs it; all three unless told. */
  readonly only?: "PS256";
  readonly run: (bench: Bench) => Promise<Answer>;
}

const CLIENT = [400, 401];
const refused = (...errors: string[]): Demand => ({
  errors: Object.fromEntries(errors.map((error) => [error, error === "invalid_client" ? CLIENT : [400]])),
});
const seconds = ({ clock }: Bench, more = 0): number => Math.floor(clock.now() / 1000) + more;

// At the PAR endpoint.

type Change = Record<string, string | undefined>;
const pushes = (call: Call & { change?: Change }) => async (bench: Bench) =>
  bench.first.push({ ...call, form: { ...call.form, ...call.change } });
const asserts = (claims: (bench: Bench) => Record<string, unknown>) => (bench: Bench) =>
  bench.first.push({ assertion: { claims: withMembers(claims(bench)) } });

const AT_PAR: readonly NegativeCase[] = [
  {
    module: "FAPI2SPFinalEnsureMismatchedDpopJktFails",
    sends: "dpop_jkt that is not the thumbprint of the proof's key",
    condition: "EnsurePARInvalidRequestOrInvalidDpopProof",
    demands: refused("invalid_request", "invalid_dpop_proof"),
    answers: [400, "invalid_dpop_proof"],
    run: async ({ first }) => {
      const wrong = Buffer.from(await first.jkt(), "base64url").map((byte) => byte ^ 0x5a);
      return first.push({ proof: {}, form: { dpop_jkt: Buffer.from(wrong).toString("base64url") } });
    },
  },
  {
    module: "FAPI2SPFinalEnsureRequestObjectWithoutRedirectUriFails",
    sends: "no redirect_uri",
    condition: "EnsurePARInvalidRequestOrInvalidRequestObjectError",
    demands: refused("invalid_request", "invalid_request_object"),
    answers: [400, "invalid_request"],
    run: pushes({ change: { redirect_uri: undefined } }),
  },
  {
    module: "FAPI2SPFinalEnsureRedirectUriInAuthorizationRequest",
    sends: "no redirect_uri, from a client that has two",
    condition: "EnsurePARInvalidRequestOrInvalidRequestObjectError",
    demands: refused("invalid_request", "invalid_request_object"),
    answers: [400, "invalid_request"],
    run: pushes({ change: { redirect_uri: undefined } }),
  },
  {
    module: "FAPI2SPFinalTolerateUnregisteredRedirectUri",
    sends: "a redirect_uri with a random ending, which the suite lets us accept (RFC 9126, 2.4), and we don't",
    condition: "EnsurePARInvalidRequestOrInvalidRequestObjectError",
    demands: refused("invalid_request", "invalid_request_object"),
    answers: [400, "invalid_request"],
    run: async ({ first }) => first.push({ form: { redirect_uri: `${first.redirectUri}/x7Qp2` } }),
  },
  {
    module: "FAPI2SPFinalEnsureResponseTypeCodeIdTokenFails",
    sends: "response_type=code id_token",
    condition: "EnsurePARUnsupportedResponseTypeOrInvalidRequestOrUnauthorizedClientError",
    demands: refused("unsupported_response_type", "invalid_request", "unauthorized_client"),
    answers: [400, "unsupported_response_type"],
    run: pushes({ change: { response_type: "code id_token" } }),
  },
  {
    module: "FAPI2SPFinalEnsureResponseTypeTokenFails",
    sends: "response_type=token",
    condition: "EnsurePARUnsupportedResponseTypeOrInvalidRequestOrUnauthorizedClientError",
    demands: refused("unsupported_response_type", "invalid_request", "unauthorized_client"),
    answers: [400, "unsupported_response_type"],
    run: pushes({ change: { response_type: "token" } }),
  },
  {
    module: "FAPI2SPFinalPARRejectRequestUriInParAuthorizationFormParams",
    sends: "a request_uri among the parameters",
    condition: "EnsurePARInvalidRequestOrInvalidRequestObjectOrRequestUriNotSupportedError",
    demands: refused("invalid_request", "invalid_request_object", "request_uri_not_supported"),
    answers: [400, "invalid_request"],
    run: pushes({ change: { request_uri: "urn:ietf:params:oauth:request_uri:iAmNotARealRequestUri" } }),
  },
  {
    module: "FAPI2SPFinalPARRejectInvalidHttpVerb",
    sends: "the request by PUT",
    condition: "EnsureParHTTPError, and RFC 9126, 2.3: 405",
    demands: { errors: { invalid_request: [405], method_not_allowed: [405] } },
    answers: [405, "invalid_request"],
    run: pushes({ method: "PUT" }),
  },
  {
    module: "FAPI2SPFinalPAREnsurePKCERequired",
    sends: "no code_challenge",
    condition: "EnsurePARInvalidRequestError",
    demands: refused("invalid_request"),
    answers: [400, "invalid_request"],
    run: pushes({ change: { code_challenge: undefined, code_challenge_method: undefined } }),
  },
  {
    module: "FAPI2SPFinalPAREnsurePlainPKCERejected",
    sends: "code_challenge_method=plain, and the verifier as the challenge",
    condition: "EnsurePARInvalidRequestError",
    demands: refused("invalid_request"),
    answers: [400, "invalid_request"],
    run: async ({ first }) => {
      const request = first.request();
      return first.push({}, { ...request, code_challenge: first.verifier, code_challenge_method: "plain" });
    },
  },
  {
    module: "FAPI2SPFinalPAREnsurePlainPKCERejected",
    sends: "the verifier as the challenge, and no method, which means plain (RFC 7636, 4.3)",
    condition: "EnsurePARInvalidRequestError",
    demands: refused("invalid_request"),
    answers: [400, "invalid_request"],
    run: async ({ first }) => {
      const { code_challenge_method: _, ...request } = first.request();
      return first.push({}, { ...request, code_challenge: first.verifier });
    },
  },
  {
    module: "FAPI2SPFinalPAREndpointAsArrayAudienceFails",
    sends: "aud of the assertion: a list of the issuer and the token endpoint",
    condition: "EnsureHttpStatusCodeIs400or401, CheckErrorFromParEndpointResponseErrorInvalidClientOrInvalidRequest",
    demands: { errors: { invalid_client: CLIENT, invalid_request: CLIENT } },
    answers: [401, "invalid_client"],
    run: asserts(({ issuer }) => ({ aud: [issuer, `${issuer}/oauth/token`] })),
  },
  {
    module: "FAPI2SPFinalPAREndpointAsArrayAudienceFails",
    sends: "aud of the assertion: a list of the issuer alone",
    condition: "FAPI2-SP-FINAL-5.3.2.1-8",
    demands: { errors: { invalid_client: CLIENT, invalid_request: CLIENT } },
    answers: [401, "invalid_client"],
    run: asserts(({ issuer }) => ({ aud: [issuer] })),
  },
  {
    module: "FAPI2SPFinalPAREndpointAsAudienceFails",
    sends: "aud of the assertion: the PAR endpoint",
    condition: "EnsureHttpStatusCodeIs400or401, CheckErrorFromParEndpointResponseErrorInvalidClientOrInvalidRequest",
    demands: { errors: { invalid_client: CLIENT, invalid_request: CLIENT } },
    answers: [401, "invalid_client"],
    run: asserts(({ issuer }) => ({ aud: `${issuer}/oauth/par` })),
  },
  {
    module: "FAPI2SPFinalPARTokenEndpointAsAudienceFails",
    sends: "aud of the assertion: the token endpoint",
    condition: "EnsureHttpStatusCodeIs400or401, CheckErrorFromParEndpointResponseErrorInvalidClientOrInvalidRequest",
    demands: { errors: { invalid_client: CLIENT, invalid_request: CLIENT } },
    answers: [401, "invalid_client"],
    run: asserts(({ issuer }) => ({ aud: `${issuer}/oauth/token` })),
  },
  {
    module: "FAPI2SPFinalPAREnsureJWTClientAssertionWithIatNbfOver60SecondsInTheFutureFails",
    sends: "iat, nbf and exp of the assertion 62 seconds later",
    condition: "EnsureHttpStatusCodeIs400or401, CheckErrorFromParEndpointResponseErrorInvalidClientOrInvalidRequest",
    demands: { errors: { invalid_client: CLIENT, invalid_request: CLIENT } },
    answers: [401, "invalid_client"],
    run: asserts((bench) => ({ iat: seconds(bench, 62), nbf: seconds(bench, 62), exp: seconds(bench, 122) })),
  },
];

// At the authorization endpoint: nothing proves whose link the browser followed, so it is shown a sentence.

const PAGE: Demand = { page: true };
const ON_A_PAGE: readonly NegativeCase[] = [
  {
    module: "FAPI2SPFinalEnsureUnsignedAuthorizationRequestWithoutUsingParFails",
    sends: "every parameter in the query, and no request_uri",
    condition: "ExpectAuthorizationRequestWithoutRequestObjectErrorPage, or EnsureInvalidRequestError",
    demands: PAGE,
    answers: [400, "page"],
    run: async ({ first }) => {
      const request = first.request();
      const { request_uri: _, ...rest } = { request_uri: "", ...request };
      return first.visit("", rest);
    },
  },
  {
    module: "FAPI2SPFinalPARAttemptReuseRequestUri",
    sends: "a request_uri whose request was answered",
    condition: "ExpectInvalidRequestUriErrorPage, or EnsureInvalidRequestUriError",
    demands: PAGE,
    answers: [400, "page"],
    run: async (bench) => {
      const { first } = bench;
      const request = first.request();
      const uri = requestUriOf(await first.push({}, request));
      const code = codeOf(await bench.agree(first, uri, request), first, request);
      tokensOf(await first.redeem(code));
      return first.visit(uri, request);
    },
  },
  {
    module: "FAPI2SPFinalPARAttemptToUseExpiredRequestUri",
    sends: "a request_uri once its expires_in is over",
    condition: "ExpectInvalidRequestUriErrorPage, or EnsureInvalidRequestUriError",
    demands: PAGE,
    answers: [400, "page"],
    run: async ({ first, pass }) => {
      const request = first.request();
      const answer = await first.push({}, request);
      const uri = requestUriOf(answer);
      pass(Number(jsonOf(answer).expires_in) * SECOND);
      return first.visit(uri, request);
    },
  },
  {
    module: "FAPI2SPFinalPAREnsureRequestUriIsBoundToClient",
    sends: "the request_uri of the first client with the client_id of the second",
    condition: "ExpectInvalidRequestUriErrorPage, or EnsureInvalidRequestInvalidRequestObjectOrInvalidRequestUriError",
    demands: PAGE,
    answers: [400, "page"],
    run: async ({ first, second }) => {
      const request = first.request();
      return second.visit(requestUriOf(await first.push({}, request)), { ...request, client_id: second.clientId });
    },
  },
];

// At the token endpoint.

const redeems = (call: Call) => async (bench: Bench) => bench.first.redeem(await authorize(bench, bench.first), call);
const GRANT = "CheckErrorFromTokenEndpointResponseErrorInvalidGrant, CheckTokenEndpointHttpStatus400";
const HOLDER = "CheckTokenEndpointReturnedInvalidRequestGrantOrDPopProofError";
const ASSERTION = "CheckErrorFromTokenEndpointResponseErrorInvalidClientOrInvalidRequest";

const AT_TOKEN: readonly NegativeCase[] = [
  {
    module: "FAPI2SPFinalEnsureTokenEndpointFailsWithMismatchedDpopProofJkt",
    sends: "a proof by one key at the PAR endpoint, by another at the token endpoint",
    condition: HOLDER,
    demands: refused("invalid_request", "invalid_grant", "invalid_dpop_proof"),
    answers: [400, "invalid_dpop_proof"],
    run: async (bench) => {
      const { first } = bench;
      const code = await authorize(bench, first, { proof: {} });
      return first.redeem(code, { dpop: await makeKey(first.key.alg) });
    },
  },
  {
    module: "FAPI2SPFinalEnsureTokenEndpointFailsWithMismatchedDpopJkt",
    sends: "dpop_jkt at the PAR endpoint, and a proof by another key at the token endpoint",
    condition: HOLDER,
    demands: refused("invalid_request", "invalid_grant", "invalid_dpop_proof"),
    answers: [400, "invalid_dpop_proof"],
    run: async (bench) => {
      const { first } = bench;
      const wrong = Buffer.from(await first.jkt(), "base64url").map((byte) => byte ^ 0x5a);
      return first.redeem(await authorize(bench, first, { change: { dpop_jkt: Buffer.from(wrong).toString("base64url") } }));
    },
  },
  {
    module: "FAPI2SPFinalEnsureClientIdInTokenEndpoint",
    sends: "client_id and assertion of the second client, signed by the key of the first",
    condition: "CheckErrorFromTokenEndpointResponseErrorInvalidClientOrInvalidGrant",
    demands: refused("invalid_client", "invalid_grant"),
    answers: [401, "invalid_client"],
    run: async (bench) => {
      const { first, second } = bench;
      const code = await authorize(bench, first);
      const claims = withMembers({ iss: second.clientId, sub: second.clientId });
      return first.redeem(code, { form: { client_id: second.clientId }, assertion: { claims } });
    },
  },
  {
    module: "FAPI2SPFinalEnsureHolderOfKeyRequired",
    sends: "no DPoP proof",
    condition: HOLDER,
    demands: refused("invalid_request", "invalid_grant", "invalid_dpop_proof"),
    answers: [400, "invalid_dpop_proof"],
    run: redeems({ proof: null }),
  },
  {
    module: "FAPI2SPFinalEnsureAuthorizationCodeIsBoundToClient",
    sends: "the code of the first client with the assertion of the second",
    condition: GRANT,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: async (bench) => {
      const { first, second } = bench;
      const code = await authorize(bench, first);
      return second.redeem(code, { form: { redirect_uri: first.redirectUri, code_verifier: first.verifier } });
    },
  },
  {
    module: "FAPI2SPFinalAttemptReuseAuthorizationCodeAfterOneSecond",
    sends: "a code again, one second after it was redeemed",
    condition: GRANT,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: async (bench) => {
      const { first } = bench;
      const code = await authorize(bench, first);
      tokensOf(await first.redeem(code));
      bench.pass(SECOND);
      return first.redeem(code);
    },
  },
  {
    module: "FAPI2SPFinalAttemptReuseAuthorizationCodeAfterOneSecond",
    sends: "the access token of a code that was then sent again",
    condition: "EnsureHttpStatusCodeIs4xx (RFC 6749, 4.1.2: should)",
    demands: { resource: [401] },
    answers: [401, "invalid_token"],
    run: async (bench) => {
      const { first } = bench;
      const code = await authorize(bench, first);
      const { access_token, grant_id } = tokensOf(await first.redeem(code));
      bench.pass(SECOND);
      await first.redeem(code);
      return first.read(access_token, grant_id);
    },
  },
  {
    module: "FAPI2SPFinalAttemptToUseExpiredAuthCode",
    sends: "a code after 62 seconds",
    condition: GRANT,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: async (bench) => {
      const code = await authorize(bench, bench.first);
      bench.pass(62 * SECOND);
      return bench.first.redeem(code);
    },
  },
  {
    module: "FAPI2SPFinalEnsureSignedClientAssertionWithRS256Fails",
    sends: "an assertion signed with RS256",
    condition: "CheckErrorFromTokenEndpointResponseErrorInvalidClient",
    demands: refused("invalid_client"),
    answers: [401, "invalid_client"],
    only: "PS256",
    run: redeems({ assertion: { rs256: true } }),
  },
  {
    module: "FAPI2SPFinalEnsureClientAssertionInTokenEndpoint",
    sends: "client_id, and no assertion",
    condition: ASSERTION,
    demands: refused("invalid_client", "invalid_request"),
    answers: [401, "invalid_client"],
    run: async (bench) => redeems({ assertion: null, form: { client_id: bench.first.clientId } })(bench),
  },
  {
    module: "FAPI2SPFinalEnsureClientAssertionWithExpIs5MinutesInPastFails",
    sends: "exp of the assertion five minutes ago",
    condition: ASSERTION,
    demands: refused("invalid_client", "invalid_request"),
    answers: [401, "invalid_client"],
    run: async (bench) => redeems({ assertion: { claims: withMembers({ exp: seconds(bench, -300) }) } })(bench),
  },
  {
    module: "FAPI2SPFinalEnsureClientAssertionWithWrongAudFails",
    sends: "aud of the assertion: another server",
    condition: ASSERTION,
    demands: refused("invalid_client", "invalid_request"),
    answers: [401, "invalid_client"],
    run: redeems({ assertion: { claims: withMembers({ aud: "https://fapidev-rs.authlete.net/api/userinfo" }) } }),
  },
  {
    module: "FAPI2SPFinalEnsureClientAssertionWithNoSubFails",
    sends: "an assertion without sub",
    condition: ASSERTION,
    demands: refused("invalid_client", "invalid_request"),
    answers: [401, "invalid_client"],
    run: redeems({ assertion: { claims: without("sub") } }),
  },
  {
    module: "FAPI2SPFinalPAREnsurePKCECodeVerifierRequired",
    sends: "no code_verifier",
    condition: `${GRANT} (RFC 7636, 4.6)`,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: redeems({ form: { code_verifier: undefined } }),
  },
  {
    module: "FAPI2SPFinalPARIncorrectPKCECodeVerifierRejected",
    sends: "another code_verifier",
    condition: GRANT,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: redeems({ form: { code_verifier: s256("another") } }),
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "the refresh token without client authentication",
    condition: "CheckTokenEndpointReturnedInvalidClientGrantOrRequestError",
    demands: refused("invalid_client", "invalid_grant", "invalid_request"),
    answers: [401, "invalid_client"],
    run: async (bench) => {
      const { refresh_token } = await connect(bench, bench.first);
      return bench.first.refresh(refresh_token, { assertion: null });
    },
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "the refresh token without a DPoP proof",
    condition: HOLDER,
    demands: refused("invalid_request", "invalid_grant", "invalid_dpop_proof"),
    answers: [400, "invalid_dpop_proof"],
    run: async (bench) => {
      const { refresh_token } = await connect(bench, bench.first);
      return bench.first.refresh(refresh_token, { proof: null });
    },
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "the refresh token of the second client with the assertion of the first",
    condition: GRANT,
    demands: refused("invalid_grant"),
    answers: [400, "invalid_grant"],
    run: async (bench) => {
      const { refresh_token } = await connect(bench, bench.second);
      return bench.first.refresh(refresh_token);
    },
  },
  {
    module: "FAPI2SPFinalRefreshToken",
    sends: "the access token of the second client with a proof by the key of the first",
    condition: "EnsureHttpStatusCodeIs4xx, and RFC 9449, 7.1: 401",
    demands: { resource: [401] },
    answers: [401, "invalid_dpop_proof"],
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.second);
      return bench.first.read(access_token, grant_id);
    },
  },
];

// At the resource.

type Reading = (bench: Bench, tokens: Tokens) => Read | Promise<Read>;
const reads =
  (reading: Read | Reading) =>
  async (bench: Bench): Promise<Answer> => {
    const tokens = await connect(bench, bench.first);
    const read = typeof reading === "function" ? await reading(bench, tokens) : reading;
    return bench.first.read(tokens.access_token, tokens.grant_id, read);
  };
const proves = (proof: JwtChange) => reads({ proof });
const RESOURCE = { condition: "EnsureHttpStatusCodeIs400or401", demands: { resource: [400, 401] } } as const;
const onResource = (
  sends: string,
  run: NegativeCase["run"],
  { error = "invalid_dpop_proof", only }: { error?: string; only?: "PS256" } = {},
): NegativeCase => ({
  module: "FAPI2SPFinalDpopNegativeTests",
  sends,
  ...RESOURCE,
  answers: [401, error],
  run,
  ...(only === undefined ? {} : { only }),
});

const AT_RESOURCE: readonly NegativeCase[] = [
  onResource("two DPoP header lines", reads({ carry: (proof, another) => ({ DPoP: [proof, another] }) })),
  onResource("a proof without its signature", proves({ signed: (jwt) => jwt.split(".").slice(0, 2).join(".") })),
  onResource("a proof without typ", proves({ header: without("typ") })),
  onResource("a proof without alg", proves({ header: without("alg") })),
  onResource("a proof without jwk", proves({ header: without("jwk") })),
  onResource("a proof without jti", proves({ claims: without("jti") })),
  onResource("a proof without htm", proves({ claims: without("htm") })),
  onResource("a proof without htu", proves({ claims: without("htu") })),
  onResource("a proof without iat", proves({ claims: without("iat") })),
  onResource("a proof without ath", proves({ claims: without("ath") })),
  onResource("typ dpop+jwt+wrongyousee", proves({ header: withMembers({ typ: "dpop+jwt+wrongyousee" }) })),
  onResource("a proof signed with RS256", proves({ rs256: true }), { only: "PS256" }),
  onResource(
    "a proof of alg none, without jwk and signature",
    proves({ header: () => ({ alg: "none", typ: "dpop+jwt" }), signed: (jwt) => `${jwt.split(".").slice(0, 2).join(".")}.` }),
  ),
  onResource(
    "a proof whose signature is wrong",
    proves({
      signed: (jwt) => {
        const [header, claims, signature = ""] = jwt.split(".");
        const wrong = Buffer.from(signature, "base64url").map((byte) => byte ^ 0x5a);
        return `${header}.${claims}.${Buffer.from(wrong).toString("base64url")}`;
      },
    }),
  ),
  onResource(
    "a proof with the private key in its header",
    reads(({ first }) => ({ proof: { header: withMembers({ jwk: first.dpop.secret }) } })),
  ),
  onResource("htm PUT", proves({ claims: withMembers({ htm: "PUT" }) })),
  onResource("htu of another address", proves({ claims: withMembers({ htu: "https://www.example.com/" }) })),
  onResource(
    "iat one hour ahead",
    reads((bench) => ({ proof: { claims: withMembers({ iat: seconds(bench, 3600) }) } })),
  ),
  onResource(
    "iat one hour ago",
    reads((bench) => ({ proof: { claims: withMembers({ iat: seconds(bench, -3600) }) } })),
  ),
  onResource(
    "the same jti again",
    reads(async ({ first }, { access_token, grant_id }) => {
      const proof: JwtChange = { claims: withMembers({ jti: "the-same-jti-again" }) };
      const answer = await first.read(access_token, grant_id, { proof });
      if (answer.status !== 200) throw new Error(`the first use: ${answer.status}`);
      return { proof };
    }),
  ),
  onResource("ath of another token", proves({ claims: withMembers({ ath: s256("another") }) })),
  onResource(
    "a proof by another key",
    reads(async ({ first }) => ({ dpop: await makeKey(first.key.alg) })),
  ),
  onResource("no proof", reads({ proof: null })),
  onResource("no proof, and the scheme Bearer", reads({ proof: null, scheme: "Bearer" }), { error: "none" }),
  {
    module: "FAPI2SPFinalHappyFlow",
    sends: "the token in the query alone",
    condition: "DisallowAccessTokenInQuery",
    demands: { resource: [400, 401, 414] },
    answers: [400, "none"],
    run: reads({ inQuery: true, scheme: "" }),
  },
  {
    module: "FAPI2SPFinalHappyFlow",
    sends: "the token in the query and in the header",
    condition: "DisallowAccessTokenInQuery (RFC 6750, 2: one method only)",
    demands: { resource: [400, 401, 414] },
    answers: [400, "none"],
    run: reads({ inQuery: true }),
  },
  {
    module: "FAPI2SPFinalEnsureHolderOfKeyRequired",
    sends: "an access token an hour after its expires_in",
    condition: "ValidateExpiresIn, and RFC 6750, 3.1",
    demands: { resource: [401] },
    answers: [401, "invalid_token"],
    run: async (bench) => {
      const { access_token, grant_id } = await connect(bench, bench.first);
      bench.pass(HOUR + 300 * SECOND);
      return bench.first.read(access_token, grant_id);
    },
  },
];

/** Each negative case of the plan, one by one. */
export const NEGATIVE_CASES: readonly NegativeCase[] = [...AT_PAR, ...ON_A_PAGE, ...AT_TOKEN, ...AT_RESOURCE];
