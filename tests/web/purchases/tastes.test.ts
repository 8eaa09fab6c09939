import fc from "fast-check";
import { expect, test } from "vitest";
import { tastesOf } from "#protocol/data/purchases.ts";
import { reasonsOf } from "../../../web/customer/purchases/tastes.ts";
import { anyPurchase, boughtAs } from "./arbitrary.ts";

const sizes = ({ counted, gifts, work, unsorted }: ReturnType<typeof reasonsOf>[number]): number =>
  counted.length + gifts.length + work.length + unsorted.length;

test("the explanation tells of every purchase once, and comes to what a shop would get", () => {
  fc.assert(
    fc.property(fc.array(anyPurchase, { maxLength: 60 }), (values) => {
      const reasons = reasonsOf(boughtAs(values));
      expect(reasons.reduce((sum, each) => sum + sizes(each), 0)).toBe(values.length);
      const counted = reasons.flatMap(({ category, counted: all }) =>
        category === undefined || all.length === 0 ? [] : [{ category, count: all.length }],
      );
      expect(counted).toEqual(tastesOf(values)?.tastes ?? []);
    }),
  );
});

test("gifts, work and what waits are left out by name", () => {
  const value = { item: "x", seller: "s", date: "2026-01-01", category: "books" } as const;
  const [books] = reasonsOf(
    boughtAs((["self", "household", "gift", "work", "unknown"] as const).map((recipient) => ({ ...value, recipient }))),
  );
  expect(books).toMatchObject({
    category: "books",
    counted: { length: 2 },
    gifts: { length: 1 },
    work: { length: 1 },
    unsorted: { length: 1 },
  });
});
