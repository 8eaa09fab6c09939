import type { Recipient } from "#protocol/data/purchases.ts";
import { type Bought, byDate, FOR_WHOM, mayBeGift } from "./bought.ts";

/** What has not been sorted yet: what could be a gift first, so that the rest can be answered all at once; the newest first. */
export const unsortedOf = (all: readonly Bought[]): Bought[] =>
  all
    .filter(({ value }) => value.recipient === "unknown")
    .sort((a, b) => Number(mayBeGift(b.value)) - Number(mayBeGift(a.value)) || byDate(a, b));

const LIKENESSES = ["order", "item", "shop"] as const;
export type Likeness = (typeof LIKENESSES)[number];

/** Of `among`, those alike to one: of its order, of the same thing, from its shop. It is among them. A likeness to itself alone is left out. */
export function alike({ value }: Bought, among: readonly Bought[]): { by: Likeness; all: Bought[] }[] {
  const same: Record<Likeness, (other: Bought) => boolean> = {
    order: ({ value: other }) => value.order !== undefined && other.order === value.order && other.seller === value.seller,
    item: ({ value: other }) => other.item === value.item,
    shop: ({ value: other }) => other.seller === value.seller,
  };
  return LIKENESSES.map((by) => ({ by, all: among.filter(same[by]) })).filter(({ all }) => all.length > 1);
}

const LETTERS = "SHGWL";

/** Keys beside the buttons: a number, and a letter of the English word. The last one is for later. */
export const keysOf = (recipient: Recipient): readonly [string, string] => {
  const at = FOR_WHOM.indexOf(recipient);
  return [String(at + 1), LETTERS[at] ?? ""];
};

/** For whom, by the key that was pressed; undefined: another key. */
export const recipientOf = (key: string): Recipient | undefined => FOR_WHOM.find((each) => keysOf(each).includes(key.toUpperCase()));
