import * as v from "valibot";
import { kind } from "../kind.ts";
import { Currency, Day, Decimal, Positive, Text } from "../shapes.ts";
import { PRODUCT_CATEGORIES, type ProductCategory } from "./product-category.ts";

const optional = v.optional;

/** For whom a thing was bought. Only `self` and `household` ever say something about taste. */
export const RECIPIENTS = ["self", "household", "gift", "work", "unknown"] as const;
export type Recipient = (typeof RECIPIENTS)[number];

/** What in an order suggests that it was a gift. Never decides. */
export const GIFT_HINTS = ["other-name", "gift-wrap", "gift-message", "season"] as const;

/** One bought thing with its order: schema.org OrderItem and Order. */
export const Purchase = v.strictObject({
  /** OrderItem.orderedItem.name */
  item: Text(300),
  /** Order.seller.name */
  seller: Text(120),
  /** Order.orderDate */
  date: Day,
  category: optional(v.picklist(PRODUCT_CATEGORIES)),
  recipient: v.picklist(RECIPIENTS),
  /** For all of `quantity`, as paid. */
  price: optional(v.strictObject({ amount: Decimal, currency: Currency })),
  /** OrderItem.orderQuantity */
  quantity: optional(v.pipe(Positive, v.maxValue(100_000))),
  /** Order.orderNumber */
  order: optional(Text(80)),
  /** The seller's number of the thing, or an ISBN or GTIN. */
  code: optional(Text(40)),
  warrantyUntil: optional(Day),
  returnBy: optional(Day),
  /** What the order itself hinted at, for sorting: the customer's alone. */
  hints: optional(v.pipe(v.array(v.picklist(GIFT_HINTS)), v.maxLength(GIFT_HINTS.length))),
});
export type Purchase = v.InferOutput<typeof Purchase>;

/** `purchases:tastes`: how many purchases of each category were for oneself or one's household, most first. */
export interface Tastes {
  readonly tastes: ReadonlyArray<{ readonly category: ProductCategory; readonly count: number }>;
}
/** `purchases:shops`: where those were bought, by name; the first hundred. */
export interface Shops {
  readonly shops: readonly string[];
}

/** Whether this purchase says anything about its customer. Gifts, work and what nobody has sorted yet say nothing. */
export const isTelling = ({ recipient }: Purchase): boolean => recipient === "self" || recipient === "household";

const MOST = 100;

/** Null where nothing tells of a taste. */
export function tastesOf(purchases: readonly Purchase[]): Tastes | null {
  const counts = new Map<ProductCategory, number>();
  for (const each of purchases)
    if (isTelling(each) && each.category !== undefined) counts.set(each.category, (counts.get(each.category) ?? 0) + 1);
  if (counts.size === 0) return null;
  const tastes = [...counts].map(([category, count]) => ({ category, count }));
  return { tastes: tastes.sort((a, b) => b.count - a.count || (a.category < b.category ? -1 : 1)) };
}

/** Null where there is none. */
export function shopsOf(purchases: readonly Purchase[]): Shops | null {
  const shops = [...new Set(purchases.filter(isTelling).map(({ seller }) => seller))].sort();
  return shops.length === 0 ? null : { shops: shops.slice(0, MOST) };
}

/** What was bought. */
export const PURCHASES = [
  kind("purchases", Purchase, {
    many: true,
    sensitivity: "private",
    dpv: "pd:Purchase",
    forms: [{ name: "category", of: ({ category }) => (category === undefined ? null : { category }) }],
    digests: [
      { name: "tastes", of: tastesOf },
      { name: "shops", of: shopsOf },
    ],
    withheld: ["hints"],
    passes: ({ category, date, recipient }, filter) =>
      (filter.categories === undefined || (category !== undefined && filter.categories.includes(category))) &&
      (filter.since === undefined || date >= filter.since) &&
      (filter.recipients === undefined || filter.recipients.includes(recipient)),
    line: ({ item, seller, date }) => [date, item, seller].join(", "),
  }),
];
