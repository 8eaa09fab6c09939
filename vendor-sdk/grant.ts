import type { AuthorizationDetails } from "../protocol/authorization-details.ts";
import { hashOf } from "../protocol/canonical.ts";
import type { Remainder } from "../protocol/erasure-attestation.ts";
import { type GrantState, stateOf } from "../protocol/grant.ts";
import { lastExpiry } from "../protocol/narrow.ts";
import type { GrantHead } from "./state.ts";

/** A grant as the vendor knows it. */
export interface Grant {
  id: string;
  /** The row's key in a CRM: opaque, base64url, begins with a letter; not the grant id, which opens nothing but is nobody's business. */
  key: string;
  state: GrantState;
  /** What was granted. */
  details: AuthorizationDetails;
  /** RFC 3339: when the last of it ends. */
  expires: string;
  /** RFC 3339. */
  given: string;
  /** RFC 3339: the last time that the server answered a read of which the values were kept. */
  lastRead: string | undefined;
  /** RFC 3339, of a grant that ended. */
  ended: string | undefined;
  /** Who ended it, where that is known: `vendor`, if you gave it up. */
  endedBy: "vendor" | undefined;
  /** Your last signed word of an erasure of it, and whether the server has taken it. */
  attested: Attested | undefined;
}

/** What you attested. Times by RFC 3339. */
export interface Attested {
  /** `narrowed`: of what was no longer granted, while the grant goes on. */
  reason: "revoked" | "expired" | "declined" | "narrowed" | "retention";
  at: string;
  did: readonly string[];
  remains: readonly Remainder[];
  /** When the server took it; undefined while it waits to be posted. */
  received: string | undefined;
}

const instant = (ms: number): string => new Date(ms).toISOString();

/** The key of a grant's row: 126 bits of its hash after a letter, so that no spreadsheet, filter or URL stumbles over it. */
export const rowKey = async (grantId: string): Promise<string> => `c${(await hashOf(`counterfoil/row/v1\n${grantId}`)).slice(0, 21)}`;

const attestedOf = ({ reason, at, did, remains, received }: NonNullable<GrantHead["attested"]>): Attested => ({
  reason,
  at,
  did,
  remains,
  received: received ?? undefined,
});

export async function grantOf(stored: GrantHead, now: number): Promise<Grant> {
  const expires = lastExpiry(stored.details);
  const facts = {
    expires,
    paused: stored.paused,
    ended: stored.ended === null || stored.ended.state === "expired" ? undefined : stored.ended.state,
  };
  return {
    id: stored.id,
    key: await rowKey(stored.id),
    state: stored.ended?.state ?? stateOf(facts, now),
    details: stored.details,
    expires: instant(expires),
    given: instant(stored.given),
    lastRead: stored.read === null ? undefined : instant(stored.read),
    ended: stored.ended?.at,
    endedBy: stored.ended?.by,
    attested: stored.attested === null ? undefined : attestedOf(stored.attested),
  };
}
