import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { daysUntil, plusDays, plusYears } from "../../../web/customer/purchases/calendar.ts";
import { EVERYTHING, found, ORDERS, type Search } from "../../../web/customer/purchases/find.ts";
import { thousandths } from "../../../web/customer/purchases/sums.ts";
import { anyPurchase, boughtAs } from "./arbitrary.ts";

const today = "2026-11-21";
const one = { item: "Caffè in grani", seller: "Bora", date: "2026-05-01", recipient: "self", order: "AB-77" } as const;
const items = (search: Partial<Search>, ...values: Parameters<typeof boughtAs>[0]) =>
  found(boughtAs(values), { ...EVERYTHING, ...search }, today).map(({ value }) => value.item);

const anySearch: fc.Arbitrary<Search> = fc.record({
  text: fc.constantFrom("", "caffe", "DANUBE amazon", "A-1", "no such thing"),
  year: fc.constantFrom("", "2025", "2026"),
  shop: fc.constantFrom("", "Amazon"),
  category: fc.constantFrom("", "books", "none"),
  recipient: fc.constantFrom("", "self", "unknown"),
  due: fc.constantFrom("", "return", "warranty"),
  order: fc.constantFrom(...ORDERS),
});

describe("searching", () => {
  test("looks past case and accents, for every word, in name, shop, order and code", () => {
    for (const text of ["caffe", "CAFFÈ", "bora grani", "ab-77", ""]) expect(items({ text }, one)).toEqual([one.item]);
    for (const text of ["tea", "caffe tea"]) expect(items({ text }, one)).toEqual([]);
  });

  test("finds each purchase at most once, asks every filter, and never more than without one of them", () => {
    fc.assert(
      fc.property(fc.array(anyPurchase, { maxLength: 40 }), anySearch, (values, search) => {
        const all = boughtAs(values);
        const hits = found(all, search, today);
        expect(new Set(hits.map(({ path }) => path)).size).toBe(hits.length);
        for (const { value } of hits) {
          expect(value.date.startsWith(search.year)).toBe(true);
          if (search.shop) expect(value.seller).toBe(search.shop);
          if (search.category) expect(value.category ?? "none").toBe(search.category);
          if (search.recipient) expect(value.recipient).toBe(search.recipient);
          if (search.due === "warranty") expect((value.warrantyUntil ?? "") >= today).toBe(true);
          if (search.due === "return") expect(daysUntil(value.returnBy ?? "", today)).toSatisfy((days: number) => days >= 0 && days <= 14);
        }
        for (const member of ["text", "year", "shop", "category", "recipient", "due"] as const)
          expect(found(all, { ...search, [member]: "" }, today).length).toBeGreaterThanOrEqual(hits.length);
        expect(found(all, { ...EVERYTHING, order: search.order }, today)).toHaveLength(all.length);
      }),
    );
  });

  test("puts the dearest first within its currency, and what has no price last", () => {
    fc.assert(
      fc.property(fc.array(anyPurchase, { minLength: 2, maxLength: 30 }), (values) => {
        const prices = found(boughtAs(values), { ...EVERYTHING, order: "price" }, today).map(({ value }) => value.price);
        for (const [at, price] of prices.entries()) {
          const next = prices[at + 1];
          if (next === undefined) continue;
          expect(price).toBeDefined();
          if (price?.currency === next.currency) expect(thousandths(price.amount) >= thousandths(next.amount)).toBe(true);
        }
      }),
    );
  });

  test("a return that ends today is soon, one of yesterday is over, one in fifteen days is not soon", () => {
    const ends = (returnBy: string) => items({ due: "return" }, { ...one, returnBy });
    expect([ends("2026-11-21"), ends("2026-12-05"), ends("2026-11-20"), ends("2026-12-06")].map((all) => all.length)).toEqual([1, 1, 0, 0]);
  });
});

describe("dates from the day of purchase", () => {
  test("fall on days that exist", () => {
    expect(plusYears("2024-02-29", 2)).toBe("2026-02-28");
    expect(plusYears("2024-02-29", 4)).toBe("2028-02-29");
    expect(plusYears("2026-07-30", 2)).toBe("2028-07-30");
    expect(plusDays("2026-11-09", 30)).toBe("2026-12-09");
    expect(plusDays("2026-03-28", 2)).toBe("2026-03-30");
  });
});
