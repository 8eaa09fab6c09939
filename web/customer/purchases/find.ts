import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import { type Bought, byDate, compare } from "./bought.ts";
import { daysUntil } from "./calendar.ts";
import { thousandths } from "./money.ts";

export const ORDERS = ["date", "oldest", "price", "shop", "item", "due"] as const;
export type Order = (typeof ORDERS)[number];

/** What is looked for; an empty member asks nothing. `none` as a category: without one. */
export interface Search {
  text: string;
  year: string;
  shop: string;
  category: string;
  recipient: Recipient | "";
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

/** Letters without case and accents: `Caffè` is found by `caffe`. */
const plain = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

const plainOf = new WeakMap<Purchase, string>();

function textOf(value: Purchase): string {
  const known = plainOf.get(value);
  if (known !== undefined) return known;
  const text = plain([value.item, value.seller, value.order, value.code].filter(Boolean).join("\n"));
  plainOf.set(value, text);
  return text;
}

/** Those that fit, in the wanted order. Every word of the text has to stand in the name, the shop, the order number or the code. */
export function found(all: readonly Bought[], search: Search, today: string): Bought[] {
  const sought = plain(search.text).split(/\s+/).filter(Boolean);
  const fits = ({ value }: Bought): boolean =>
    (search.year === "" || value.date.startsWith(search.year)) &&
    (search.shop === "" || value.seller === search.shop) &&
    (search.category === "" || (value.category ?? "none") === search.category) &&
    (search.recipient === "" || value.recipient === search.recipient) &&
    (search.due !== "return" || returnsSoon(value, today)) &&
    (search.due !== "warranty" || underWarranty(value, today)) &&
    sought.every((word) => textOf(value).includes(word));
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
  const difference = thousandths(b.price.amount) - thousandths(a.price.amount);
  return difference === 0n ? 0 : difference > 0n ? 1 : -1;
}
