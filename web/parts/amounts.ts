const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();
const kept = <F extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => F): F => {
  const format = (formats.get(key) as F | undefined) ?? make();
  formats.set(key, format);
  return format;
};
/** British ways of writing days and sums: 30 Nov 2026, €11.40. */
const region = (tag: string): string => (tag === "en" ? "en-GB" : tag);

/** €11.40; of a third decimal nothing is lost. `amount`: a Decimal. */
export function money(tag: string, amount: string, currency: string): string {
  try {
    return kept(
      `${tag} ${currency}`,
      () => new Intl.NumberFormat(region(tag), { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 3 }),
    ).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

/** 30 Nov 2026, for a day of the calendar (2026-11-30), wherever this browser is. */
export function calendarDay(tag: string, day: string): string {
  const at = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return day;
  const make = () => new Intl.DateTimeFormat(region(tag), { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return kept(`${tag} day`, make).format(at);
}
