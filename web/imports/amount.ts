import type { Decimal } from "./mapping.ts";

const SIGNS: Readonly<Record<string, string>> = {
  "€": "EUR",
  $: "USD",
  "£": "GBP",
  "¥": "JPY",
  "₽": "RUB",
  "₹": "INR",
  "₺": "TRY",
  "₴": "UAH",
  zł: "PLN",
  lei: "RON",
  ron: "RON",
  kč: "CZK",
  ft: "HUF",
  "us $": "USD",
  us$: "USD",
  c$: "CAD",
  a$: "AUD",
  fr: "CHF",
  "fr.": "CHF",
};

export interface Amount {
  /** Digits with up to three decimals after a point; never negative. */
  readonly amount: string;
  readonly negative: boolean;
  readonly currency: string | undefined;
}

const bare = (text: string): string =>
  text
    .replace(/[\u2212\u2012\u2013]/g, "-")
    .replace(/[\s\u00a0\u202f]+/g, " ")
    .trim();

/** Which sign parts the decimals, as far as one value tells: both signs, or one that isn't followed by three digits. */
function told(text: string): Decimal | undefined {
  const digits = bare(text).replace(/[^\d.,]/g, "");
  const [point, comma] = [digits.lastIndexOf("."), digits.lastIndexOf(",")];
  if (point !== -1 && comma !== -1) return point > comma ? "." : ",";
  const sign = point !== -1 ? "." : comma !== -1 ? "," : undefined;
  if (sign === undefined) return undefined;
  const parts = digits.split(sign);
  if (parts.length > 2) return sign === "." ? "," : ".";
  return parts[1]?.length === 3 && parts[0] !== "0" && parts[0] !== "" ? undefined : sign;
}

/** The decimal sign of a whole column; a point where none of its values tells. */
export function decimalSign(values: readonly string[]): Decimal {
  let commas = 0;
  for (const value of values) {
    const sign = told(value);
    commas += sign === "," ? 1 : sign === "." ? -1 : 0;
  }
  return commas > 0 ? "," : ".";
}

/** Characters of any sum; a longer text would be looked at over and over. */
const LONGEST = 100;

/**
 * A sum of money as people and programs write it; undefined if it is none, or has more decimals than money has.
 * @param column the decimal sign of its column, for a value that could be read in two ways: 1,250
 */
export function parseAmount(text: string, column: Decimal): Amount | undefined {
  if (text.length > LONGEST) return undefined;
  const decimal = told(text) ?? column;
  // Amazon puts an apostrophe before a negative sum, so that spreadsheets take it for a text.
  const plain = bare(text).replace(/^'|'$/g, "");
  const bracketed = /^\((.*)\)$/.exec(plain)?.[1];
  const match = /^([^\d.,]*)([\d.,' ]*\d)([^\d.,]*)$/.exec(bracketed ?? plain);
  if (!match) return undefined;
  const [, before = "", digits = "", after = ""] = match;
  const around = `${before} ${after}`;
  const word = around.replace(/[-+]/g, "").trim().replace(/\.$/, "");
  const currency = /^[A-Za-z]{3}$/.test(word) ? word.toUpperCase() : SIGNS[word.toLowerCase()];
  if (word !== "" && currency === undefined) return undefined;
  const [whole = "", part, ...more] = digits.replace(/[' ]/g, "").split(decimal);
  const thousands = decimal === "." ? "," : ".";
  if (more.length > 0 || part?.includes(thousands)) return undefined;
  if (whole.includes(thousands) && !/^\d{1,3}([.,]\d{3})+$/.test(whole)) return undefined;
  const units = whole.replaceAll(thousands, "").replace(/^0+(?=\d)/, "");
  const cents = part === undefined ? "" : part.replace(/0+$/, "").padEnd(2, "0");
  if (cents.length > 3 || units.length > 10) return undefined;
  const amount = cents === "" ? units || "0" : `${units || "0"}.${cents}`;
  return {
    amount,
    negative: (bracketed !== undefined || around.includes("-")) && !/^0(\.0*)?$/.test(amount),
    currency,
  };
}
