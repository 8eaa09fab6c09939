import { allowsRead, lastExpiry } from "../protocol/narrow.ts";
import type { Ending } from "./crm/sink.ts";
import { inForce, nextRead, repeatsLastRead, staleFrom } from "./keeping.ts";
import { owing } from "./owing.ts";
import type { GrantHead, StoredGrant } from "./state.ts";

/** Why a grant's row has to go by the vendor's own clock and memory, if it has. */
export function endingOf(grant: GrantHead, now: number): Ending | undefined {
  if (grant.ended !== null) return { reason: grant.ended.state, at: grant.ended.at };
  const expires = lastExpiry(grant.details);
  if (now >= expires) return { reason: "expired", at: new Date(expires).toISOString() };
  return grant.read !== null && inForce(grant, now).length === 0 ? { reason: "retention", at: new Date(now).toISOString() } : undefined;
}

export const mayRead = (grant: GrantHead, now: number): boolean =>
  repeatsLastRead(grant, grant.cursor, now) || (nextRead(grant, now) ?? Number.POSITIVE_INFINITY) <= now;

/** From when on a grant has to be read by itself, since no bulk read brings what is missing; what pause or frequency forbid isn't wanted. */
export function wantedFrom(grant: GrantHead, now: number): number {
  if (grant.ended !== null || grant.paused) return Number.POSITIVE_INFINITY;
  const from = grant.cursor === null || grant.behind ? now : staleFrom(grant);
  if (repeatsLastRead(grant, grant.cursor, now)) return from;
  return Math.max(from, nextRead(grant, now) ?? Number.POSITIVE_INFINITY);
}

export const isWanted = (grant: GrantHead, now: number): boolean => wantedFrom(grant, now) <= now;

const overdue = (grant: StoredGrant, now: number): string[] => {
  const details = inForce(grant, now);
  return Object.keys(grant.shares).filter((path) => !allowsRead(details, path));
};

/** Whether an object is no longer in force, so that what it allowed may have to go. */
export const hasLapsed = (grant: GrantHead, now: number): boolean => inForce(grant, now).length < grant.details.length;

/** Whether something is held that no object in force allows any more. */
export const isOverdue = (grant: StoredGrant, now: number): boolean => overdue(grant, now).length > 0;

/** Without what may no longer be held. What only its retention took away comes again with the next read, from the beginning. */
export function prunedGrant(grant: StoredGrant, now: number): StoredGrant {
  const gone = overdue(grant, now);
  if (gone.length === 0) return grant;
  const unexpired = grant.details.filter(({ expires }) => Date.parse(expires) > now);
  const shares = Object.fromEntries(Object.entries(grant.shares).filter(([path]) => !gone.includes(path)));
  return { ...grant, shares, cursor: gone.some((path) => allowsRead(unexpired, path)) ? null : grant.cursor };
}

/** A row that went for its retention alone: the grant lives on. */
export const lapsedGrant = (grant: StoredGrant): StoredGrant => ({ ...grant, shares: {}, cursor: null });

/** With a row in this sink. */
export const writtenGrant = (grant: StoredGrant, sink: string): StoredGrant =>
  grant.writtenIn.includes(sink) ? grant : { ...grant, writtenIn: [...grant.writtenIn, sink] };
/** Without one. */
export const unwrittenGrant = (grant: StoredGrant, sink: string): StoredGrant => ({
  ...grant,
  writtenIn: grant.writtenIn.filter((name) => name !== sink),
});

/** A stub: what happened and the consent as proof; no share, key or token. */
export function endedGrant(grant: StoredGrant, why: Ending, erasedIn?: string): StoredGrant {
  const ended = grant.ended ?? { state: why.reason === "retention" ? ("expired" as const) : why.reason, at: why.at };
  const sinks = erasedIn === undefined || grant.erasedIn.includes(erasedIn) ? grant.erasedIn : [...grant.erasedIn, erasedIn];
  const stub = { ...grant, ended, erasedIn: sinks, refresh: null, grantKey: null, cursor: null, shares: {}, reads: [], lastRead: null };
  return grant.attested?.reason === ended.state ? stub : owing(stub, ended.state, ended.at);
}

/**
 * What a read may leave behind before a sink confirmed it: pin, consent and versions, which only make later checks stricter. What was
 * wanted stays wanted.
 */
export const tightenedGrant = (before: StoredGrant, next: StoredGrant): StoredGrant => ({
  ...next,
  cursor: before.cursor,
  shares: before.shares,
  behind: before.behind,
  read: before.read,
});
