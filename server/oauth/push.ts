import { LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { breach } from "#protocol/breach.ts";
import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import { StorageError } from "../storage/storage.ts";
import { refusedUntil } from "../store/refusals.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import type { Vendor } from "../vendors/metadata.ts";
import { readDetails, wrongDetails } from "./details.ts";
import { checkTarget, type Form, need } from "./form.ts";
import { OAuthError } from "./oauth-error.ts";
import { type PushedRequest, putRequest } from "./pushed-request.ts";

const URN = "urn:ietf:params:oauth:request_uri:";
const HASH = /^[A-Za-z0-9_-]{43}$/;
const ID = /^[A-Za-z0-9_-]{22}$/;
const LONGEST_STATE = 2048;

/** The id of the request that a request_uri names, or undefined. */
export const requestIdOf = (requestUri: string): string | undefined => new RegExp(`^${URN}([A-Za-z0-9_-]{22})$`).exec(requestUri)?.[1];

/** POST /oauth/par (RFC 9126) with authorization_details (RFC 9396). @param dpopJkt of the proof that came with it */
export async function push(
  deps: Pick<Deps, "storage" | "now" | "accessTokens">,
  form: Form,
  vendor: Vendor,
  dpopJkt: string | undefined,
): Promise<{ request_uri: string; expires_in: number }> {
  const { storage, now: clock } = deps;
  const now = clock();
  checkKind(form, deps.accessTokens.audience);
  const redirectUri = need(form, "redirect_uri");
  if (!vendor.redirectUris.includes(redirectUri)) throw new OAuthError("invalid_request", "redirect_uri is not one of the client's");
  const codeChallenge = need(form, "code_challenge");
  if (form.get("code_challenge_method") !== "S256" || !HASH.test(codeChallenge))
    throw new OAuthError("invalid_request", "code_challenge is of the method S256");
  const state = form.get("state") ?? null;
  if (state !== null && state.length > LONGEST_STATE)
    throw new OAuthError("invalid_request", `state has at most ${LONGEST_STATE} characters`);
  const named = form.get("dpop_jkt");
  if (named !== undefined && (!HASH.test(named) || (dpopJkt !== undefined && dpopJkt !== named)))
    throw new OAuthError("invalid_dpop_proof", "dpop_jkt is not the thumbprint of the proof's key");
  const details = detailsOf(form, now);
  const request: PushedRequest = {
    id: randomText(16),
    vendor: vendor.row,
    details,
    redirectUri,
    state,
    codeChallenge,
    dpopJkt: named ?? dpopJkt ?? null,
    replaces: await replacedBy(deps, form, vendor, now),
    comeUntil: now + LIMITS.requestLifetime,
    until: now + LIMITS.requestLifetime,
  };
  await putRequest(storage, request);
  return { request_uri: URN + request.id, expires_in: LIMITS.requestLifetime / 1000 };
}

function checkKind(form: Form, audience: string): void {
  if (form.has("request")) throw new OAuthError("request_not_supported", "push the parameters themselves");
  if (form.has("request_uri")) throw new OAuthError("invalid_request", "request_uri is what this call answers");
  if (need(form, "response_type") !== "code") throw new OAuthError("unsupported_response_type", "response_type is code");
  if (!["query", undefined].includes(form.get("response_mode"))) throw new OAuthError("invalid_request", "response_mode is query");
  checkTarget(form, audience);
}

function detailsOf(form: Form, now: number): AuthorizationDetails {
  const details = readDetails(need(form, "authorization_details"));
  const outside = breach(details, now);
  if (outside !== undefined) throw wrongDetails(outside.reason, outside.pointer);
  return details;
}

/**
 * The grant that a request would amend (Grant Management for OAuth 2.0, 5.1): the vendor's own, which hasn't ended. The same answer for
 * one that ended, that never was, and that is another's.
 * @throws {OAuthError} `invalid_grant_id`; `access_denied` where its customer said no to this vendor lately
 */
async function replacedBy({ storage }: Pick<Deps, "storage">, form: Form, vendor: Vendor, now: number): Promise<string | null> {
  const action = form.get("grant_management_action") ?? "create";
  if (action !== "create" && action !== "replace") throw new OAuthError("invalid_request", "grant_management_action is create or replace");
  const grant = form.get("grant_id");
  if ((action === "replace") !== (grant !== undefined))
    throw new OAuthError("invalid_request", "grant_id comes with replace, and only with it");
  if (grant === undefined) return null;
  const unknown = new OAuthError("invalid_grant_id", "this grant is not one of this client's that stand");
  const account = ID.test(grant) ? await storage.find("grant", grant) : undefined;
  if (account === undefined) throw unknown;
  const { clientId } = vendor.row;
  try {
    await storage.read(account, async (store) => {
      const known = await grantOf(store, grant);
      if (known.row.vendor.clientId !== clientId || isEnded(stateNow(known, now))) throw unknown;
      if ((await refusedUntil(store, clientId, now)) !== undefined)
        throw new OAuthError("access_denied", "this customer has said no; ask again in thirty days");
    });
  } catch (error) {
    const isGone = (error instanceof StorageError && error.code === "absent") || (error instanceof Refusal && error.code === "not_found");
    throw isGone ? unknown : error;
  }
  return grant;
}
