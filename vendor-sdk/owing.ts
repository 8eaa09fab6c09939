import type { Done, StoredGrant } from "./state.ts";

type Reason = NonNullable<StoredGrant["owes"]>["reason"];

/** A grant whose erasure has begun. One that was never read owes nothing: there is nothing of it. A new reason starts over. */
export function owing(grant: StoredGrant, reason: Reason, since: string): StoredGrant {
  if (grant.read === null || grant.consent === null || grant.owes?.reason === reason) return grant;
  return { ...grant, owes: { reason, since, n: grant.consent.n, by: {}, tried: {} } };
}

/** Whether this sink has still to do its part of what the grant owes. */
export const owesIn = ({ owes }: Pick<StoredGrant, "owes">, sink: string): boolean => owes !== null && !Object.hasOwn(owes.by, sink);

/** With what this sink says that it did, before that is durable. */
export const triedIn = (grant: StoredGrant, sink: string, done: Done): StoredGrant =>
  grant.owes === null ? grant : { ...grant, owes: { ...grant.owes, tried: { ...grant.owes.tried, [sink]: done } } };

/** With what this sink did; where it found nothing to do, what it did before a crash. */
export function doneIn(grant: StoredGrant, sink: string, done: Done): StoredGrant {
  if (grant.owes === null) return grant;
  const { tried, by } = grant.owes;
  const last = done.did.length === 0 && Object.hasOwn(tried, sink) ? (tried[sink] ?? done) : done;
  return { ...grant, owes: { ...grant.owes, by: { ...by, [sink]: last } } };
}

/** Sinks that hold a row and have not done their part; undefined where nothing is owed. */
export const sinksToGo = ({ owes, writtenIn }: Pick<StoredGrant, "owes" | "writtenIn">): string[] | undefined =>
  owes === null ? undefined : writtenIn.filter((name) => !Object.hasOwn(owes.by, name));
