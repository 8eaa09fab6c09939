import { region } from "./region.ts";

const formats = new Map<string, Intl.NumberFormat>();

function format(tag: string, currency: string): Intl.NumberFormat {
  const key = `${tag} ${currency}`;
  const known =
    formats.get(key) ??
    new Intl.NumberFormat(region(tag), { style: "currency", currency, currencyDisplay: "narrowSymbol", maximumFractionDigits: 3 });
  formats.set(key, known);
  return known;
}

/** €11.40; of a third decimal nothing is lost. `amount`: a Decimal. */
export function money(tag: string, amount: string, currency: string): string {
  try {
    return format(tag, currency).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}
