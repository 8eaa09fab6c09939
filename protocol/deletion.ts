import type { AuthorizationDetails } from "./authorization-details.ts";
import { milliseconds } from "./duration.ts";
import type { ErasureAttestation, Remainder } from "./erasure-attestation.ts";
import { filterIsWider } from "./narrow.ts";
import { covers } from "./paths.ts";

/** What a vendor has for deleting after it is due: 7 days. Milliseconds. */
export const DELETION_TIME = 7 * 86_400_000;
/** How long before the deadline a vendor that hasn't attested is reminded. */
export const REMINDER_TIME = 2 * 86_400_000;

/** What a deadline follows from. Epoch milliseconds. */
export interface DeletionFacts {
  /** When it ended or was narrowed. */
  readonly at: number;
  /** Whether the customer asked for it at once (a stop that asks, a narrowing, an erased store), or retention goes on. */
  readonly atOnce: boolean;
  /** As granted before. */
  readonly details: AuthorizationDetails;
  /** When the vendor last read; null: it holds nothing. */
  readonly lastRead: number | null;
}

/** By when a vendor must have deleted what it has read (epoch milliseconds); null where it never read anything. */
export function deleteBy({ at, atOnce, details, lastRead }: DeletionFacts): number | null {
  if (lastRead === null) return null;
  if (atOnce) return at + DELETION_TIME;
  const kept = Math.max(...details.map(({ retention }) => milliseconds(retention)));
  return Math.max(at, lastRead + kept) + DELETION_TIME;
}

/**
 * Whether a consent takes something away that could be read by the one before: a path, a form, a purpose or what a filter let through.
 * How often, how long and until when may differ: for them nothing has to go that was read. `now`: epoch milliseconds; an object that has
 * ended by then had lapsed by itself.
 */
export function takesAway(before: AuthorizationDetails, after: AuthorizationDetails, now: number): boolean {
  const reading = after.filter(({ actions }) => actions.includes("read"));
  return before
    .filter(({ actions, expires }) => actions.includes("read") && Date.parse(expires) > now)
    .some(({ paths, purpose, filter }) =>
      paths.some(
        (path) =>
          !reading.some(
            (each) => each.purpose === purpose && each.paths.some((wide) => covers(wide, path)) && !filterIsWider(filter, each.filter),
          ),
      ),
    );
}

/** How far a deletion is. `kept`: done, but for what remains. */
export type DeletionState =
  | { readonly state: "nothing-read" }
  | { readonly state: "waiting" | "overdue"; readonly by: number }
  | { readonly state: "confirmed"; readonly at: string; readonly did: readonly string[] }
  | { readonly state: "kept"; readonly at: string; readonly did: readonly string[]; readonly remains: readonly Remainder[] };

/** What is owed. Epoch milliseconds. */
export interface Owed {
  readonly reason: "revoked" | "expired" | "declined" | "narrowed";
  readonly since: number;
  /** Number of the narrower consent that it follows, or of the one that was in force at the end. */
  readonly n: number;
  /** null: nothing was ever read. */
  readonly by: number | null;
}

/**
 * Whether an attestation answers what is owed: made since then, of an end where it is one, and of a narrowing by one who knew of it. A
 * vendor need not know in which way a grant has ended; its clock may be `ATTESTATION_SKEW` behind.
 */
export const answers = (
  { reason, since, n }: Pick<Owed, "reason" | "since" | "n">,
  attested: Pick<ErasureAttestation, "at" | "reason" | "n">,
): boolean =>
  attested.reason !== "retention" &&
  (attested.reason !== "narrowed" || (reason === "narrowed" && attested.n >= n)) &&
  Date.parse(attested.at) >= since - ATTESTATION_SKEW;

/**
 * What customer and auditor see of a deletion: by the newest attestation that answers it. `attestations`: oldest first; `now`: epoch
 * milliseconds.
 */
export function deletionState(owed: Owed, attestations: readonly ErasureAttestation[], now: number): DeletionState {
  const last = attestations.filter((each) => answers(owed, each)).at(-1);
  if (last !== undefined) {
    const { at, did, remains } = last;
    return remains.length === 0 ? { state: "confirmed", at, did } : { state: "kept", at, did, remains };
  }
  if (owed.by === null) return { state: "nothing-read" };
  return { state: now < owed.by ? "waiting" : "overdue", by: owed.by };
}

/** Milliseconds. */
export const ATTESTATION_SKEW = 60_000;
/** How far ahead of the one who receives it a vendor's clock may be: later, it would answer what is owed only then. Milliseconds. */
export const ATTESTATION_AHEAD = 600_000;
