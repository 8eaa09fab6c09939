import fc from "fast-check";
import { PRODUCT_CATEGORIES } from "#protocol/data/product-category.ts";
import { type Purchase, RECIPIENTS } from "#protocol/data/purchases.ts";
import type { Bought } from "../../../web/customer/purchases/bought.ts";

const day = fc
  .date({ min: new Date("2019-01-01"), max: new Date("2027-12-31"), noInvalidDate: true })
  .map((each) => each.toISOString().slice(0, 10));
const amount = fc
  .tuple(fc.nat({ max: 9_999_999_999 }), fc.option(fc.stringMatching(/^\d{1,3}$/)))
  .map(([whole, part]) => (part === null ? String(whole) : `${whole}.${part}`));
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

/** Any purchase of few shops, kinds and names, so that some are alike. */
export const anyPurchase: fc.Arbitrary<Purchase> = fc
  .record({
    item: fc.constantFrom("Danube", "Caffè in grani", "Desk lamp", "Дунай"),
    seller: fc.constantFrom("Amazon", "Libreria Aldina", "Bora"),
    date: day,
    category: maybe(fc.constantFrom(...PRODUCT_CATEGORIES.slice(0, 4))),
    recipient: fc.constantFrom(...RECIPIENTS),
    price: maybe(fc.record({ amount, currency: fc.constantFrom("EUR", "RON", "JPY") })),
    order: maybe(fc.constantFrom("A-1", "A-2")),
    returnBy: maybe(day),
    warrantyUntil: maybe(day),
  })
  .map((value) => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as unknown as Purchase);

export const boughtAs = (values: readonly Purchase[]): Bought[] =>
  values.map((value, at) => ({ path: `purchases/p${at}`, value, sharedWith: [] }));
