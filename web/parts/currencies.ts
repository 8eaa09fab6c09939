/** Those that most of our customers pay in, first. */
export const COMMON_CURRENCIES = ["EUR", "GBP", "CHF", "RON", "PLN", "CZK", "HUF", "SEK", "DKK", "NOK", "UAH", "USD"] as const;

const EURO = "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM VA".split(" ");
const OTHERS: Record<string, string> = {
  CH: "CHF",
  CZ: "CZK",
  DK: "DKK",
  GB: "GBP",
  HU: "HUF",
  LI: "CHF",
  MD: "MDL",
  NO: "NOK",
  PL: "PLN",
  RO: "RON",
  RU: "RUB",
  SE: "SEK",
  UA: "UAH",
  US: "USD",
};

/** The currency of the first of these BCP 47 tags whose country we know; the euro otherwise. */
export function usualCurrency(tags: readonly string[]): string {
  for (const tag of tags) {
    const country = /-([A-Z]{2})\b/.exec(tag)?.[1] ?? "";
    if (EURO.includes(country)) return "EUR";
    if (OTHERS[country]) return OTHERS[country];
  }
  return "EUR";
}

/** Codes with their names, in the order of the language. */
export function currencies(tag: string): { code: string; name: string }[] {
  const names = new Intl.DisplayNames(tag, { type: "currency" });
  return Intl.supportedValuesOf("currency")
    .map((code) => ({ code, name: names.of(code) ?? code }))
    .sort((a, b) => a.name.localeCompare(b.name, tag));
}
