import { fieldDay } from "../../parts/dates.ts";

const DAY = 86_400_000;

/** Days on which it can end before its time, where this browser is; undefined where there is none. */
export function earlierDays(expires: string, now: number): { readonly min: string; readonly max: string } | undefined {
  const days = { min: fieldDay(now), max: fieldDay(Date.parse(expires) - DAY) };
  return days.min <= days.max ? days : undefined;
}

/** The end of a day, where this browser is: epoch milliseconds. Undefined for a day that is not on offer. */
export function endOfDay(day: string, days: { readonly min: string; readonly max: string }): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || day < days.min || day > days.max) return undefined;
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date, 23, 59, 59).getTime();
}
