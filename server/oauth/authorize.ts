import type { Deps } from "../deps.ts";
import { type Form, need } from "./form.ts";
import { OAuthError } from "./oauth-error.ts";
import { requestIdOf } from "./push.ts";
import { ANSWER_TIME, openRequest, putRequest, takeRequest } from "./pushed-request.ts";

/**
 * GET /oauth/authorize: where the browser goes on, the screen on which the customer answers. Loading it uses nothing up: the
 * request is over when it is answered (FAPI 2.0, 5.3.2.2). Whoever comes in time has longer than the request_uri to fill in.
 * @throws {OAuthError} never with a redirect: nothing here is proven to be the vendor's
 */
export async function arrive({ storage, now: clock }: Deps, form: Form): Promise<string> {
  const clientId = need(form, "client_id");
  const id = requestIdOf(need(form, "request_uri"));
  const request = id === undefined ? undefined : await openRequest(storage, id);
  const now = clock();
  if (request === undefined || now >= request.comeUntil)
    throw new OAuthError("invalid_request", "This link has ended or was answered. Go back to the shop and start again.");
  if (request.vendor.clientId !== clientId)
    throw new OAuthError("invalid_request", "This link is broken. Go back to the shop and start again.");
  if (request.until === request.comeUntil) await prolong(storage, request.id, now + ANSWER_TIME);
  return `/ask/${request.id}`;
}

/** Taken and put back, so that one which is being answered right now isn't there twice. */
async function prolong(storage: Deps["storage"], id: string, until: number): Promise<void> {
  const request = await takeRequest(storage, id);
  if (request !== undefined) await putRequest(storage, { ...request, until });
}
