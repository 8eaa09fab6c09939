import * as v from "valibot";
import { LIMITS } from "#protocol/api.ts";
import { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { breach } from "#protocol/breach.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import { pointerOf } from "../guards/body.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { type Form, need } from "./form.ts";
import { OAuthError } from "./oauth-error.ts";
import { type PushedRequest, putRequest } from "./pushed-request.ts";

const URN = "urn:ietf:params:oauth:request_uri:";
const HASH = /^[A-Za-z0-9_-]{43}$/;
/** Characters of authorization_details, which are held for an hour, and as granted stand in a consent. */
const LONGEST = 16_384;

/** The id of the request that a request_uri names, or undefined. */
export const requestIdOf = (requestUri: string): string | undefined => new RegExp(`^${URN}([A-Za-z0-9_-]{22})$`).exec(requestUri)?.[1];

/** POST /oauth/par (RFC 9126) with authorization_details (RFC 9396). @param dpopJkt of the proof that came with it */
export async function push(
  { storage, now: clock }: Deps,
  form: Form,
  vendor: Vendor,
  dpopJkt: string | undefined,
): Promise<{ request_uri: string; expires_in: number }> {
  const now = clock();
  if (form.has("request")) throw new OAuthError("request_not_supported", "push the parameters themselves");
  if (form.has("request_uri")) throw new OAuthError("invalid_request", "request_uri is what this call answers");
  if (need(form, "response_type") !== "code") throw new OAuthError("unsupported_response_type", "response_type is code");
  if (!["create", undefined].includes(form.get("grant_management_action")))
    throw new OAuthError("invalid_request", "grant_management_action is create");
  const redirectUri = need(form, "redirect_uri");
  if (!vendor.redirectUris.includes(redirectUri)) throw new OAuthError("invalid_request", "redirect_uri is not one of the client's");
  const codeChallenge = need(form, "code_challenge");
  if (form.get("code_challenge_method") !== "S256" || !HASH.test(codeChallenge))
    throw new OAuthError("invalid_request", "code_challenge is of the method S256");
  const state = form.get("state") ?? null;
  if (state !== null && state.length > 512) throw new OAuthError("invalid_request", "state has at most 512 characters");
  const named = form.get("dpop_jkt");
  if (named !== undefined && (!HASH.test(named) || (dpopJkt !== undefined && dpopJkt !== named)))
    throw new OAuthError("invalid_dpop_proof", "dpop_jkt is not the thumbprint of the proof's key");
  const request: PushedRequest = {
    id: randomText(16),
    vendor: vendor.row,
    details: readDetails(need(form, "authorization_details"), now),
    redirectUri,
    state,
    codeChallenge,
    dpopJkt: named ?? dpopJkt ?? null,
    comeUntil: now + LIMITS.requestLifetime,
    until: now + LIMITS.requestLifetime,
  };
  await putRequest(storage, request);
  return { request_uri: URN + request.id, expires_in: LIMITS.requestLifetime / 1000 };
}

function readDetails(text: string, now: number): AuthorizationDetails {
  const wrong = (description: string, pointer: string): OAuthError =>
    new OAuthError("invalid_authorization_details", `${pointer || "/"}: ${description}`, { pointer });
  if (text.length > LONGEST) throw wrong(`more than ${LONGEST} characters`, "");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong("not JSON", "");
  }
  const parsed = v.safeParse(AuthorizationDetails, json, { abortEarly: true });
  if (!parsed.success) throw wrong("unknown, missing or of another kind", pointerOf(parsed.issues[0]));
  const outside = breach(parsed.output, now);
  if (outside !== undefined) throw wrong(outside.reason, outside.pointer);
  return parsed.output;
}
