import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import type { Filter } from "#protocol/authorization-details.ts";
import { digestAt, formOf, KINDS, kindAt } from "#protocol/categories.ts";
import { Intent } from "#protocol/data/intents.ts";
import { Purchase, RECIPIENTS, type Recipient, shopsOf, tastesOf } from "#protocol/data/purchases.ts";
import { plain } from "./support/details.ts";

const NOW = new Date("2026-11-21T10:15:00Z");
const CATEGORIES = ["books", "music", "toys", "groceries"] as const;
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const purchase: fc.Arbitrary<Purchase> = fc
  .record({
    item: fc.constantFrom("Invisible Cities", "A thing"),
    seller: fc.constantFrom("Libreria Aldina", "Amazon", "Market stall"),
    date: fc.constantFrom("2024-12-31", "2025-01-01", "2026-11-20"),
    category: maybe(fc.constantFrom(...CATEGORIES)),
    recipient: fc.constantFrom(...RECIPIENTS),
    price: maybe(fc.constant({ amount: "12.50", currency: "EUR" })),
    order: maybe(fc.constantFrom("A-1", "A-2")),
    hints: maybe(fc.subarray(["other-name", "gift-wrap", "season"] as const)),
  })
  .map((each) => plain<Purchase>(each as Purchase));
const purchases = fc.array(purchase, { maxLength: 30 });
const filter: fc.Arbitrary<Filter> = fc
  .record({
    categories: maybe(fc.subarray<string>([...CATEGORIES], { minLength: 1 })),
    since: maybe(fc.constantFrom("2025-01-01", "2026-01-01")),
    recipients: maybe(fc.subarray([...RECIPIENTS], { minLength: 1 })),
  })
  .map((each) => plain<Filter>(each));
const passes = kindAt("purchases")?.passes as (value: Purchase, filter: Filter) => boolean;
const digests = [
  ["tastes", tastesOf],
  ["shops", shopsOf],
] as const;

it("made-up purchases are purchases", () => fc.assert(fc.property(purchase, (each) => v.is(Purchase, each))));

describe.each(digests)("purchases:%s", (name, of) => {
  it("is the registry's", () => {
    const values = fc.sample(purchases, { numRuns: 20, seed: 3 });
    for (const each of values) expect(digestAt(`purchases:${name}`)?.of(each as never[], NOW)).toEqual(of(each));
  });

  it("never changes for a gift, for work, or for what nobody has sorted yet", () =>
    fc.assert(
      fc.property(purchases, purchase, fc.constantFrom<Recipient>("gift", "work", "unknown"), fc.nat(), (all, one, recipient, place) => {
        const more = all.toSpliced(place % (all.length + 1), 0, { ...one, recipient });
        expect(of(more)).toEqual(of(all));
      }),
    ));

  it("says less when one becomes a gift, and is as if that had never been", () =>
    fc.assert(
      fc.property(purchases, fc.nat(), (all, place) => {
        if (all.length === 0) return;
        const at = place % all.length;
        const given = all.with(at, { ...(all[at] as Purchase), recipient: "gift" });
        expect(of(given)).toEqual(of(all.toSpliced(at, 1)));
      }),
    ));

  it("is the same whatever the order, and leaves the purchases as they were", () =>
    fc.assert(
      fc.property(
        purchases.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const before = structuredClone(all);
          expect(JSON.stringify(of(shuffled))).toBe(JSON.stringify(of(all)));
          expect(all).toEqual(before);
        },
      ),
    ));

  it("names neither thing, order, price nor day", () =>
    fc.assert(
      fc.property(purchases, (all) => {
        for (const secret of ["Invisible", "A-1", "12.50", "2025", "hints"]) expect(JSON.stringify(of(all))).not.toContain(secret);
      }),
    ));
});

it("tastes count every telling purchase that has a category, once", () =>
  fc.assert(
    fc.property(purchases, (all) => {
      const telling = all.filter(({ recipient, category }) => ["self", "household"].includes(recipient) && category !== undefined);
      const counted = (tastesOf(all)?.tastes ?? []).reduce((sum, { count }) => sum + count, 0);
      expect(counted).toBe(telling.length);
      expect(tastesOf(all) === null).toBe(telling.length === 0);
    }),
  ));

it("shops stay a short list", () => {
  const many = Array.from({ length: 500 }, (_, at) => ({
    item: "a",
    seller: `Shop ${at}`,
    date: "2026-01-01",
    recipient: "self" as const,
  }));
  expect(shopsOf(many)?.shops).toHaveLength(100);
});

describe("a filter", () => {
  it("lets through no more than none does, and a tighter one no more than a looser one", () => {
    let kept = 0;
    fc.assert(
      fc.property(purchase, filter, filter, (one, loose, more) => {
        expect(passes(one, {})).toBe(true);
        const tight: Filter = plain<Filter>({
          categories:
            more.categories && loose.categories
              ? more.categories.filter((each) => loose.categories?.includes(each))
              : (loose.categories ?? more.categories),
          recipients:
            more.recipients && loose.recipients
              ? more.recipients.filter((each) => loose.recipients?.includes(each))
              : (loose.recipients ?? more.recipients),
          since: [loose.since, more.since]
            .filter((each) => each !== undefined)
            .sort()
            .at(-1),
        });
        if (!passes(one, tight)) return;
        kept++;
        expect(passes(one, loose)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(kept).toBeGreaterThan(50);
  });

  it("that leaves gifts out lets none through, whatever else it says", () =>
    fc.assert(
      fc.property(purchase, filter, (one, any) => {
        expect(passes({ ...one, recipient: "gift" }, { ...any, recipients: ["self", "household"] })).toBe(false);
        const { category: _, ...uncategorised } = one;
        expect(passes(uncategorised, { ...any, categories: ["books", "other"] })).toBe(false);
      }),
    ));

  it("of which a digest is made says no more than the digest of all", () =>
    fc.assert(
      fc.property(purchases, filter, (all, some) => {
        const whole = new Map((tastesOf(all)?.tastes ?? []).map(({ category, count }) => [category, count]));
        for (const { category, count } of tastesOf(all.filter((each) => passes(each, some)))?.tastes ?? [])
          expect(count).toBeLessThanOrEqual(whole.get(category) ?? 0);
      }),
    ));
});

describe("what is withheld", () => {
  const withheld = KINDS.filter((each) => each.withheld.length > 0);
  it("is said of what only the customer should know", () =>
    expect(withheld.map((each) => [each.path, each.withheld])).toEqual([
      ["purchases", ["hints"]],
      ["intents", ["recipient", "audience"]],
    ]));

  it("leaves neither with the whole nor with any form", () => {
    const wish: Intent = { item: "A bicycle", recipient: "gift", audience: ["https://shop.example/client.json"], state: "open" };
    expect(v.is(Intent, wish)).toBe(true);
    expect(formOf("intents/i1", wish, NOW)).toEqual({ item: "A bicycle", state: "open" });
    fc.assert(
      fc.property(purchase, (one) => {
        for (const path of ["purchases/p1", "purchases/p1:category"])
          expect(JSON.stringify(formOf(path, { ...one, hints: ["gift-wrap"] }, NOW))).not.toContain("gift-wrap");
        // And nothing else is.
        const { hints: _, ...rest } = one;
        expect(formOf("purchases/p1", one, NOW)).toEqual(rest);
      }),
    );
  });
});
