/** A grant's state: the lesser of the customer's half and the server's half (which can only take rights away). */
export type GrantState = "active" | "paused" | "revoked" | "expired" | "declined";

/** What a grant's state follows from. */
export interface GrantFacts {
  /** Epoch milliseconds at which the latest consent ends. */
  expires: number;
  paused: boolean;
  /** Final for its grant_id. */
  ended: "revoked" | "declined" | undefined;
}

/** An end is final; expiry comes with the clock, without anyone's work; then a pause. */
export function stateOf(grant: GrantFacts, now: number): GrantState {
  if (grant.ended !== undefined) return grant.ended;
  if (now >= grant.expires) return "expired";
  return grant.paused ? "paused" : "active";
}

/** Whether nothing can bring it back. */
export const isEnded = (state: GrantState): boolean => state === "revoked" || state === "expired" || state === "declined";
