import { region } from "./region.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(tag: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${tag} ${JSON.stringify(options)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(region(tag), options);
  formats.set(key, known);
  return known;
}

/** 30 Nov 2026 */
export const day = (tag: string, at: string | number): string =>
  format(tag, { day: "numeric", month: "short", year: "numeric" }).format(new Date(at));

/** 30 Nov 2026, for a day of the calendar (2026-11-30), wherever this browser is. */
export function calendarDay(tag: string, date: string): string {
  const at = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return date;
  return format(tag, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(at);
}

/** March 2024, for a month of the calendar (2024-03). */
export const monthName = (tag: string, month: string): string =>
  format(tag, { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${month}-01T00:00:00Z`));

/** 30 Nov 2026, 10:15 */
export const moment = (tag: string, at: string | number): string =>
  format(tag, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }).format(new Date(at));

const steps = [
  ["year", 365 * 86_400_000],
  ["month", 30 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** 6 days ago; in 2 hours */
export function ago(tag: string, at: string | number, now: number): string {
  const distance = new Date(at).getTime() - now;
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  const [unit, size] = steps.find(([, size]) => Math.abs(distance) >= size) ?? (["minute", 60_000] as const);
  return relative.format(Math.trunc(distance / size), unit);
}

/** The day that a date field shows for a moment, where this browser is: 2026-11-30. */
export function fieldDay(at: number): string {
  const local = new Date(at);
  return [local.getFullYear(), local.getMonth() + 1, local.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
