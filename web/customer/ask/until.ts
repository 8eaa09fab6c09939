import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { milliseconds } from "#protocol/duration.ts";
import { purposeOf } from "#protocol/purposes.ts";
import { fieldDay } from "../../parts/dates.ts";

/**
 * How long: one reading within a day, a period, or a last day where this browser is (`2026-11-30`, empty while none is chosen). `kept`:
 * as it is now, of a connection that is changed.
 */
export type Until = { kind: "once" } | { kind: "kept" } | { kind: "period"; period: string } | { kind: "day"; day: string };

const DAY = 86_400_000;
/** The protocol's bound (LIMITS.expiry), apart from the shapes of the whole interface that it stands among. */
const MOST = 366 * DAY;
/** A period still counts as asked for when it is short of it by the time that a request takes to be answered. */
const SLACK = 3_600_000;

/** The latest moment that may be chosen: what was asked for, never more than the registry lets its purpose last, nor than twelve months. */
export const latest = (asked: AuthorizationDetails, now: number): number =>
  Math.max(
    ...asked.map(({ expires, purpose }) =>
      Math.min(Date.parse(expires), now + Math.min(MOST, milliseconds(purposeOf(purpose)?.expiry ?? "PT24H"))),
    ),
  );

/** Periods on offer, shortest first: those of the purposes that lie within what was asked for. */
export function periodsOf(asked: AuthorizationDetails, now: number): string[] {
  const all = new Set(asked.flatMap((each) => purposeOf(each.purpose)?.periods ?? []));
  return [...all]
    .filter((period) => now + milliseconds(period) <= latest(asked, now) + SLACK)
    .sort((a, b) => milliseconds(a) - milliseconds(b));
}

/** Bounds of the date field. */
export const dayBounds = (asked: AuthorizationDetails, now: number): { min: string; max: string } => ({
  min: fieldDay(now),
  max: fieldDay(latest(asked, now)),
});

/** When it ends: epoch milliseconds in whole seconds, or undefined while no valid day is chosen. */
export function endOf(until: Until, asked: AuthorizationDetails, now: number): number | undefined {
  const bound = latest(asked, now);
  if (until.kind === "kept") return wholeSeconds(bound);
  if (until.kind === "once") return wholeSeconds(Math.min(now + DAY, bound));
  if (until.kind === "period") return wholeSeconds(Math.min(now + milliseconds(until.period), bound));
  const { min, max } = dayBounds(asked, now);
  if (!/^\d{4}-\d\d-\d\d$/.test(until.day) || until.day < min || until.day > max) return undefined;
  const [year = 0, month = 1, date = 1] = until.day.split("-").map(Number);
  return wholeSeconds(Math.min(new Date(year, month - 1, date, 23, 59, 59).getTime(), bound));
}

const wholeSeconds = (at: number): number => Math.floor(at / 1000) * 1000;
