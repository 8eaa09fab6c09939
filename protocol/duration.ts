/** Milliseconds of a duration PnD or PTnH (ISO 8601). @throws {TypeError} on any other text */
export function milliseconds(duration: string): number {
  const days = /^P([1-9]\d{0,3})D$/.exec(duration);
  if (days) return Number(days[1]) * 86_400_000;
  const hours = /^PT([1-9]\d{0,4})H$/.exec(duration);
  if (hours) return Number(hours[1]) * 3_600_000;
  throw new TypeError("duration must be PnD or PTnH");
}
