const DAY = 86_400_000;

const asDay = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** `2026-11-09` and 30: `2026-12-09`. */
export const plusDays = (day: string, days: number): string => asDay(Date.parse(day) + days * DAY);

/** The same day so many years later; of 29 February, 28 February where there is none. */
export function plusYears(day: string, years: number): string {
  const later = `${String(Number(day.slice(0, 4)) + years).padStart(4, "0")}${day.slice(4)}`;
  return later.endsWith("-02-29") && new Date(Date.parse(later)).getUTCDate() !== 29 ? `${later.slice(0, 8)}28` : later;
}

/** Whole days from one day to another; negative where it has passed. */
export const daysUntil = (day: string, today: string): number => Math.round((Date.parse(day) - Date.parse(today)) / DAY);
