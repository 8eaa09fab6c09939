import { money } from "../../parts/amounts.ts";

/** Thousandths of the currency's unit, exact: `11.4` is 11400. Of a sum as protocol/shapes.ts has it (`Decimal`). */
export function thousandths(amount: string): bigint {
  const [whole = "0", part = ""] = amount.split(".");
  return BigInt(whole) * 1000n + BigInt(part.padEnd(3, "0").slice(0, 3));
}

/** The sum as digits with a point: what `thousandths` reads. */
export function decimal(sum: bigint): string {
  const part = String(sum % 1000n)
    .padStart(3, "0")
    .replace(/0+$/, "");
  return part === "" ? String(sum / 1000n) : `${sum / 1000n}.${part}`;
}

/** €1,234.50 */
export const sumText = (tag: string, sum: bigint, currency: string): string => money(tag, decimal(sum), currency);

export function currencyName(tag: string, currency: string): string {
  const name = new Intl.DisplayNames(tag, { type: "currency", fallback: "none" }).of(currency);
  return name === undefined ? currency : `${name} (${currency})`;
}
