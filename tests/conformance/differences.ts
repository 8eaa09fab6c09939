import type { Outcome } from "./outcome.ts";

interface Difference {
  readonly ours: Outcome;
  readonly oracle: Outcome;
  /** Why ours is right, too, and where it says so. */
  readonly reason: string;
}

const PAGE =
  "nothing at the authorization endpoint proves that a link is the client's, so nobody is sent on by it; the oracle trusts the client_id's own redirect URI (RFC 9700, 4.11.2; the suite takes both)";
const PROOF = "what is wrong is the proof, so the error is RFC 9449's own (5 and 10); the suite takes both";
const CLIENT = "what is missing is the client's authentication: invalid_client (RFC 6749, 5.2); the suite takes both";
const BINDING = "the key's binding is one of the checks of a proof (RFC 9449, 4.3, 12); figure 16 of 7.1 has invalid_token, 401 both";
const QUERY = "a parameter that isn't known here, before any token is looked at; 400 both (RFC 6750, 2.3 is not served)";

/** Every place where the two servers answer the same wrong request in two ways, by what it sends. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  "dpop_jkt that is not the thumbprint of the proof's key": {
    ours: [400, "invalid_dpop_proof"],
    oracle: [400, "invalid_request"],
    reason: PROOF,
  },
  "PAR with a dpop_jkt that is no thumbprint": {
    ours: [400, "invalid_dpop_proof"],
    oracle: [201, "undefined"],
    reason: "no key can ever have it (RFC 9449, 10), so it is refused before the customer is asked",
  },
  "response_type=code id_token": {
    ours: [400, "unsupported_response_type"],
    oracle: [400, "invalid_request"],
    reason: "the oracle serves it to other clients; here nobody gets it (RFC 6749, 4.1.2.1)",
  },
  "a request_uri among the parameters": {
    ours: [400, "invalid_request"],
    oracle: [400, "request_uri_not_supported"],
    reason: "RFC 9126, 2.1: rejected like any invalid request; the suite takes both",
  },
  "the request by PUT": { ours: [405, "invalid_request"], oracle: [404, "undefined"], reason: "RFC 9126, 2.3: 405" },
  "every parameter in the query, and no request_uri": { ours: [400, "page"], oracle: [303, "redirect: invalid_request"], reason: PAGE },
  "a request_uri whose request was answered": { ours: [400, "page"], oracle: [303, "redirect: invalid_request_uri"], reason: PAGE },
  "a request_uri once its expires_in is over": { ours: [400, "page"], oracle: [303, "redirect: invalid_request_uri"], reason: PAGE },
  "the request_uri of the first client with the client_id of the second": {
    ours: [400, "page"],
    oracle: [303, "redirect: invalid_request_object"],
    reason: PAGE,
  },
  "a proof by one key at the PAR endpoint, by another at the token endpoint": {
    ours: [400, "invalid_dpop_proof"],
    oracle: [400, "invalid_grant"],
    reason: PROOF,
  },
  "dpop_jkt at the PAR endpoint, and a proof by another key at the token endpoint": {
    ours: [400, "invalid_dpop_proof"],
    oracle: [400, "invalid_grant"],
    reason: PROOF,
  },
  "no DPoP proof": { ours: [400, "invalid_dpop_proof"], oracle: [400, "invalid_grant"], reason: PROOF },
  "the refresh token without a DPoP proof": { ours: [400, "invalid_dpop_proof"], oracle: [400, "invalid_grant"], reason: PROOF },
  "the refresh token without client authentication": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "PAR with no client_assertion_type": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "PAR with another client_assertion_type": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "PAR with an assertion that is no JWT": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "introspection without client authentication": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "revocation without client authentication": { ours: [401, "invalid_client"], oracle: [400, "invalid_request"], reason: CLIENT },
  "the access token of the second client with a proof by the key of the first": {
    ours: [401, "invalid_dpop_proof"],
    oracle: [401, "invalid_token"],
    reason: BINDING,
  },
  "a proof by another key": { ours: [401, "invalid_dpop_proof"], oracle: [401, "invalid_token"], reason: BINDING },
  "the same jti again": {
    ours: [401, "invalid_dpop_proof"],
    oracle: [401, "invalid_token"],
    reason: "the proof was used, not the token (RFC 9449, 4.3, 11 and 7.1)",
  },
  "no proof": {
    ours: [401, "invalid_dpop_proof"],
    oracle: [400, "invalid_request"],
    reason: "RFC 9449, 7.1: a DPoP token without a proof that fits is answered 401 with a challenge; the suite takes both",
  },
  "no proof, and the scheme Bearer": {
    ours: [401, "none"],
    oracle: [401, "invalid_token"],
    reason: "Bearer is no scheme here, so no credentials were shown, and a challenge without an error answers that (RFC 6750, 3.1)",
  },
  "the token in the query alone": { ours: [400, "none"], oracle: [400, "invalid_request"], reason: QUERY },
  "the token in the query and in the header": { ours: [400, "none"], oracle: [400, "invalid_request"], reason: QUERY },
  "token request with no redirect_uri": {
    ours: [400, "invalid_grant"],
    oracle: [400, "invalid_request"],
    reason: "it does not match the one of the authorization request (RFC 6749, 5.2: invalid_grant)",
  },
  "token request with a code_verifier that is too short": {
    ours: [400, "invalid_grant"],
    oracle: [400, "invalid_request"],
    reason: "no challenge fits it (RFC 7636, 4.6: invalid_grant)",
  },
};
