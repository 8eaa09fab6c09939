import type { GrantStatus } from "../protocol/vendor-api.ts";
import { accepted, withinFilters } from "./accepting.ts";
import { CounterfoilError } from "./error.ts";
import { checkConsent, type VerifiedConsent } from "./evidence.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";
import type { VendorCall } from "./vendor-call.ts";

/** What the server says of a grant without a read, checked. `next` is not saved yet, and the very same grant where nothing changed. */
export interface Standing {
  status: GrantStatus;
  consent: VerifiedConsent;
  next: StoredGrant;
}

/**
 * Asks where a grant stands: not a read, so it is allowed at any time and tells of a narrowing that the frequency would hide.
 * @throws {CounterfoilError} `grant_revoked`, `grant_expired`, `integrity`, and those of the call
 */
export type AskStanding = (grant: StoredGrant, signal?: AbortSignal) => Promise<Standing>;

export function standings(party: Party, call: VendorCall): AskStanding {
  return async (grant, signal) => {
    const status = await call("grant", { id: grant.id, signal });
    if (status.grant_id !== grant.id) throw new CounterfoilError("integrity", "the answer is of another grant", { reason: "grant" });
    if (status.state === "expired") throw new CounterfoilError("grant_expired", "this grant has ended", { reason: "expired" });
    if (status.state === "revoked" || status.state === "declined")
      throw new CounterfoilError("grant_revoked", "this grant has ended", { reason: status.state });
    const consent = await checkConsent(party, grant, status.consent);
    const changed = grant.consent?.token !== consent.token;
    const next = changed ? await withinFilters(party, grant, accepted(grant, consent)) : grant;
    const paused = status.state === "paused";
    return { status, consent, next: next.paused === paused ? next : { ...next, paused } };
  };
}
