import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import { useAhead } from "../../parts/ahead.ts";
import { fold, holds, once, termsOf } from "../../parts/fold.ts";
import { type Bought, byDate, compare, mayBeGift } from "./bought.ts";
import { daysUntil } from "./calendar.ts";

export const ORDERS = ["date", "oldest", "price", "shop", "item", "due"] as const;
export type Order = (typeof ORDERS)[number];

/** What is looked for; an empty member asks nothing. `none` as a category: without one. */
export interface Search {
  text: string;
  /** Or a month: `2024-03`. */
  year: string;
  shop: string;
  category: string;
  /** `hinted`: not sorted yet, and could be a gift. */
  recipient: Recipient | "hinted" | "";
  /** Returns that end soon, or warranties in force. */
  due: "" | "return" | "warranty";
  order: Order;
}

export const EVERYTHING: Search = { text: "", year: "", shop: "", category: "", recipient: "", due: "", order: "date" };

/** A return is soon over within so many days. */
const SOON = 14;
/** A warranty is nearly over within so many days. */
export const NEARLY = 60;

export const returnsSoon = ({ returnBy }: Purchase, today: string): boolean =>
  returnBy !== undefined && returnBy >= today && daysUntil(returnBy, today) <= SOON;
export const underWarranty = ({ warrantyUntil }: Purchase, today: string): boolean => warrantyUntil !== undefined && warrantyUntil >= today;

/** By the value itself, which is replaced only with its record. */
const textOf = once(({ item, seller, order, code }: Purchase): string => fold([item, seller, order, code].filter(Boolean).join("\n")));

const textOfOne = ({ value }: Bought): string => textOf(value);

/** Folds thousands before the first letter is typed. */
export const useFolded = (all: readonly Bought[]): void => useAhead(all, textOfOne);

/** Those that fit, in the wanted order. Every word of the text has to stand in the name, the shop, the order number or the code. */
export function found(all: readonly Bought[], search: Search, today: string): Bought[] {
  const sought = termsOf(search.text);
  const fits = ({ value }: Bought): boolean =>
    (search.year === "" || value.date.startsWith(search.year)) &&
    (search.shop === "" || value.seller === search.shop) &&
    (search.category === "" || (value.category ?? "none") === search.category) &&
    (search.recipient === "" || (search.recipient === "hinted" ? mayBeGift(value) : value.recipient === search.recipient)) &&
    (search.due !== "return" || returnsSoon(value, today)) &&
    (search.due !== "warranty" || underWarranty(value, today)) &&
    (sought.length === 0 || holds(textOf(value), sought));
  return all.filter(fits).sort(inOrder(search));
}

const names = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

function inOrder({ order, due }: Search): (a: Bought, b: Bought) => number {
  if (order === "oldest") return (a, b) => byDate(b, a);
  if (order === "price") return (a, b) => byPrice(a.value, b.value) || byDate(a, b);
  if (order === "shop") return (a, b) => names.compare(a.value.seller, b.value.seller) || byDate(a, b);
  if (order === "item") return (a, b) => names.compare(a.value.item, b.value.item) || byDate(a, b);
  if (order === "due") return (a, b) => compare(endOf(a.value, due), endOf(b.value, due)) || byDate(a, b);
  return byDate;
}

const LAST = "9999";
const endOf = ({ returnBy = LAST, warrantyUntil = LAST }: Purchase, due: Search["due"]): string =>
  due === "return" ? returnBy : due === "warranty" ? warrantyUntil : returnBy < warrantyUntil ? returnBy : warrantyUntil;

/** The dearest first, each currency by itself, what has no price last. */
function byPrice(a: Purchase, b: Purchase): number {
  if (a.price === undefined || b.price === undefined) return a.price === b.price ? 0 : a.price === undefined ? 1 : -1;
  if (a.price.currency !== b.price.currency) return compare(a.price.currency, b.price.currency);
  // Ten digits and three decimals are far from where two sums would be one number.
  return Number(b.price.amount) - Number(a.price.amount);
}
