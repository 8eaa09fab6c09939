import type { AuthorizationDetail, AuthorizationDetails } from "../protocol/authorization-details.ts";
import { digestAt } from "../protocol/categories.ts";
import { milliseconds } from "../protocol/duration.ts";
import { allowsRead } from "../protocol/narrow.ts";
import { formRank, splitPath } from "../protocol/paths.ts";
import type { GrantHead, StoredGrant } from "./state.ts";

const HOUR = 3_600_000;

/**
 * The objects under which something may be held at `now`: before their expiry, and no longer after the last answered read than their
 * retention, which is what the customer was told. Decided by the vendor's own clock, whether or not the server can be reached.
 */
export const inForce = (grant: GrantHead, now: number): AuthorizationDetails =>
  grant.details.filter((each) => Date.parse(each.expires) > now && heldFrom(grant) + milliseconds(each.retention) > now);

/** Paths of the shares that a row may show at `now`. Where a value is there in two forms, the one that says more; each digest for itself. */
export function keptPaths(grant: StoredGrant, now: number): string[] {
  const details = inForce(grant, now);
  const best = new Map<string, string>();
  for (const path of Object.keys(grant.shares).filter((each) => allowsRead(details, each))) {
    const value = digestAt(path) === undefined ? splitPath(path).base : path;
    const rival = best.get(value);
    if (rival === undefined || rank(path) < rank(rival)) best.set(value, path);
  }
  return [...best.values()].sort();
}

const rank = (path: string): number => formRank(splitPath(path).base, splitPath(path).form);

/**
 * When the next read is allowed by the granted frequency: `now` or later, in epoch milliseconds; undefined if never again.
 * One object that allows it is enough (protocol, section 5); windows roll.
 */
export function nextRead(grant: GrantHead, now: number): number | undefined {
  const times = grant.details
    .filter((each) => each.actions.includes("read") && Date.parse(each.expires) > now)
    .map((each) => allowedFrom(each, grant.reads, now))
    .filter((each) => each !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

function allowedFrom({ frequency }: AuthorizationDetail, reads: readonly number[], now: number): number | undefined {
  if (frequency === undefined) return now;
  if (frequency.per === undefined) return reads.length < frequency.max ? now : undefined;
  const window = milliseconds(frequency.per);
  const recent = reads.filter((each) => each > now - window);
  return recent.length < frequency.max ? now : (recent[recent.length - frequency.max] as number) + window;
}

/** The next moment at which an object comes to its end, or what is held under it to its retention's; undefined if none does. */
export function nextLapse(grant: GrantHead, now: number): number | undefined {
  const times = grant.details
    .flatMap((each) => [Date.parse(each.expires), heldFrom(grant) + milliseconds(each.retention)])
    .filter((at) => at > now);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * When what is held should be read anew, so that a value which didn't change isn't taken out for its retention: half to three quarters of
 * it after the last read, by the grant's id, so that not all of a vendor's come at once.
 */
export function staleFrom(grant: GrantHead): number {
  const share = 0.5 + (Number.parseInt(Buffer.from(grant.id.slice(0, 4), "base64url").toString("hex"), 16) / 0x1000000) * 0.25;
  return heldFrom(grant) + Math.min(...grant.details.map(({ retention }) => milliseconds(retention))) * share;
}

const heldFrom = ({ read, given }: GrantHead): number => read ?? given;

/** Asking again with the cursor of a read within the hour gives the same and doesn't count (protocol, section 7). */
export const repeatsLastRead = (grant: GrantHead, since: string | null, now: number): boolean =>
  grant.lastRead !== null && grant.lastRead.since === since && now - grant.lastRead.at < HOUR;

/** The reads still needed to decide, after one more at `at`. */
export function countRead(grant: StoredGrant, at: number): number[] {
  const most = Math.max(1, ...grant.details.map((each) => each.frequency?.max ?? 0));
  return grant.details.some((each) => each.frequency !== undefined) ? [...grant.reads, at].slice(-most) : [];
}
