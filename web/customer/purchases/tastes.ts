import type { ProductCategory } from "#protocol/data/product-category.ts";
import type { Recipient } from "#protocol/data/purchases.ts";
import { type Bought, byDate } from "./bought.ts";

/** Why a taste counts what it counts: every purchase of its category, in exactly one of the parts. */
export interface TasteReason {
  /** Undefined: what has no category, and so counts nowhere. */
  readonly category: ProductCategory | undefined;
  /** For oneself or one's household. */
  readonly counted: readonly Bought[];
  readonly gifts: readonly Bought[];
  readonly work: readonly Bought[];
  readonly unsorted: readonly Bought[];
}

export const LEFT_OUT = ["gifts", "work", "unsorted"] as const;

const PART: Record<Recipient, "counted" | (typeof LEFT_OUT)[number]> = {
  self: "counted",
  household: "counted",
  gift: "gifts",
  work: "work",
  unknown: "unsorted",
};

/** All purchases by category, that of the most counted first, what has no category last. */
export function reasonsOf(all: readonly Bought[]): TasteReason[] {
  const reasons = new Map<ProductCategory | undefined, Record<"counted" | (typeof LEFT_OUT)[number], Bought[]>>();
  for (const each of [...all].sort(byDate)) {
    const { category, recipient } = each.value;
    const reason = reasons.get(category) ?? { counted: [], gifts: [], work: [], unsorted: [] };
    reason[PART[recipient]].push(each);
    reasons.set(category, reason);
  }
  return [...reasons]
    .map(([category, parts]) => ({ category, ...parts }))
    .sort((a, b) => {
      if (a.category === undefined || b.category === undefined) return a.category === undefined ? 1 : -1;
      return b.counted.length - a.counted.length || (a.category < b.category ? -1 : 1);
    });
}
