import * as v from "valibot";
import { kind } from "../kind.ts";
import { CountryCode, Currency, Day, Decimal, Positive, Text } from "../shapes.ts";
import { PRODUCT_CATEGORIES } from "./product-category.ts";
import { RECIPIENTS } from "./purchases.ts";

const optional = v.optional;

/** What a customer wants to buy: schema.org Demand. */
export const Intent = v.strictObject({
  /** Demand.itemOffered.name */
  item: Text(200),
  category: optional(v.picklist(PRODUCT_CATEGORIES)),
  details: optional(Text(1000)),
  /** PriceSpecification.minPrice, maxPrice, for all of `quantity`. */
  price: optional(v.strictObject({ min: optional(Decimal), max: optional(Decimal), currency: Currency })),
  condition: optional(v.picklist(["new", "refurbished", "used"])),
  quantity: optional(v.pipe(Positive, v.maxValue(100_000))),
  /** Demand.validThrough */
  deadline: optional(Day),
  /** DefinedRegion, coarse on purpose: of a postcode the first characters at most. */
  area: optional(
    v.strictObject({
      countryCode: CountryCode,
      region: optional(Text(100)),
      postcodePrefix: optional(v.pipe(v.string(), v.regex(/^[A-Z0-9]{1,4}$/))),
    }),
  ),
  recipient: optional(v.picklist(RECIPIENTS)),
  /** Who may come to know of it: these vendors (client ids), or nobody yet. */
  audience: optional(v.pipe(v.array(Text(500)), v.maxLength(64))),
  state: v.picklist(["open", "fulfilled", "withdrawn"]),
  /** When it was fulfilled or withdrawn. */
  ended: optional(Day),
});
export type Intent = v.InferOutput<typeof Intent>;

/** What a customer is looking for. Whom it is for and who else hears of it stay with the customer. */
export const INTENTS = [
  kind("intents", Intent, {
    many: true,
    sensitivity: "private",
    dpv: "pd:Intention",
    withheld: ["recipient", "audience"],
    // A wish has no day on which it was made, so a filter by day says nothing about it.
    passes: ({ category, recipient = "unknown" }, filter) =>
      (filter.categories === undefined || (category !== undefined && filter.categories.includes(category))) &&
      (filter.recipients === undefined || filter.recipients.includes(recipient)),
    line: ({ item }) => item,
  }),
];
