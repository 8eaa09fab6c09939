import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Purchase } from "#protocol/data/purchases.ts";
import { folded, spendingOf } from "../../../web/customer/purchases/spending.ts";
import { decimal, thousandths } from "../../../web/customer/purchases/sums.ts";
import { anyPurchase } from "./arbitrary.ts";

const bought = (date: string, amount: string | undefined, over: Partial<Purchase> = {}): Purchase => ({
  item: "x",
  seller: "Amazon",
  date,
  recipient: "self",
  ...(amount === undefined ? {} : { price: { amount, currency: "EUR" } }),
  ...over,
});

describe("sums", () => {
  test("are exact where numbers would not be", () => {
    expect(decimal(thousandths("0.1") + thousandths("0.2"))).toBe("0.3");
    const sum = Array.from({ length: 1000 }, () => thousandths("9999999999.999")).reduce((a, b) => a + b, 0n);
    expect(decimal(sum)).toBe("9999999999999");
    expect(decimal(thousandths("1234.005"))).toBe("1234.005");
  });

  test("are the same whatever the order, and by month, by shop and by kind the same as in all", () => {
    fc.assert(
      fc.property(fc.array(anyPurchase, { maxLength: 40 }), fc.constantFrom(undefined, "2025"), fc.nat(), (all, year, turn) => {
        const spent = spendingOf(all, year);
        const at = all.length === 0 ? 0 : turn % all.length;
        expect(spendingOf([...all.slice(at), ...all.slice(0, at)], year)).toEqual(spent);
        const asked = all.filter(({ date }) => year === undefined || date.startsWith(year));
        expect(spent.currencies.reduce((count, each) => count + each.count, spent.unpriced)).toBe(asked.length);
        for (const each of spent.currencies)
          for (const parts of [each.times, each.shops, each.categories]) {
            expect(parts.reduce((sum, part) => sum + part.sum, 0n)).toBe(each.sum);
            expect(parts.reduce((count, part) => count + part.count, 0)).toBe(each.count);
          }
      }),
    );
  });

  test("of different currencies are never added up", () => {
    const { currencies } = spendingOf(
      [bought("2026-01-02", "10"), bought("2026-01-03", "5", { price: { amount: "5", currency: "RON" } }), bought("2026-02-03", "1.50")],
      "2026",
    );
    expect(currencies.map(({ currency, sum, count }) => [currency, decimal(sum), count])).toEqual([
      ["EUR", "11.5", 2],
      ["RON", "5", 1],
    ]);
  });

  test("have a place for each month of a year, and for each year between the first and the last", () => {
    const all = [bought("2023-03-01", "1"), bought("2026-12-31", "2")];
    expect(spendingOf(all, "2026").currencies[0]?.times.map(({ sum }) => Number(sum))).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2000]);
    expect(spendingOf(all, undefined).currencies[0]?.times.map(({ key }) => key)).toEqual(["2023", "2024", "2025", "2026"]);
  });

  test("without a price are counted, not guessed", () => {
    expect(spendingOf([bought("2026-01-02", undefined), bought("2025-01-02", undefined)], "2026")).toEqual({ currencies: [], unpriced: 1 });
  });

  test("that find no room in a picture stand together", () => {
    const all = [5n, 4n, 3n, 2n].map((sum, at) => ({ key: `k${at}`, sum, count: 1 }));
    expect(folded(all, 4)).toEqual({ shown: all, rest: undefined });
    expect(folded(all, 3)).toEqual({ shown: all.slice(0, 2), rest: { key: "", sum: 5n, count: 2 } });
  });
});
