import type { ProductCategory } from "#protocol/data/product-category.ts";
import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import type { Edit, RecordView, StoreView } from "../../vault/vault.ts";

/** A purchase with its place in the store, and who can read it. */
export interface Bought extends Pick<RecordView, "path" | "sharedWith"> {
  readonly value: Purchase;
}

/** In the order in which they are offered. Apart from the schema, which would come with every page about purchases. */
export const FOR_WHOM = ["self", "household", "gift", "work", "unknown"] as const satisfies readonly Recipient[];

/** Where purchases lie. */
export const PURCHASES = "purchases";

/** By code units: fast, and the same everywhere. */
export const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

const isPurchase = (record: RecordView): record is RecordView & Bought => record.kind === PURCHASES && record.value !== null;

/** All purchases of a store, with what was decided of them and isn't saved yet. */
export function boughtOf(store: StoreView, waiting?: ReadonlyMap<string, Recipient>): Bought[] {
  const all = store.records.filter(isPurchase);
  if (waiting === undefined || waiting.size === 0) return all;
  return all.map((each) => {
    const recipient = waiting.get(each.path);
    return recipient === undefined ? each : { ...each, value: { ...each.value, recipient } };
  });
}

/** Not sorted yet, and something about the order hints at a gift. */
export const mayBeGift = ({ recipient, hints = [] }: Purchase): boolean => recipient === "unknown" && hints.length > 0;

/** The currency that most was paid in; undefined: nothing has a price. */
export const paidIn = (store: StoreView): string | undefined =>
  countsOf(boughtOf(store), ({ price }) => price?.currency).find(({ of }) => of !== undefined)?.of;

/** The newest first; of one day in the order of their names. */
export const byDate = ({ value: a }: Bought, { value: b }: Bought): number => compare(b.date, a.date) || compare(a.item, b.item);

export const withRecipient = ({ path, value }: Bought, recipient: Recipient): Edit => ({ path, value: { ...value, recipient } });

/** Undefined takes the category away. */
export function withCategory({ path, value }: Bought, category: ProductCategory | undefined): Edit {
  const { category: _, ...rest } = value;
  return { path, value: category === undefined ? rest : { ...rest, category } };
}

/** Years in which something was bought, the newest first. */
export const yearsOf = (all: readonly Bought[]): string[] => [...new Set(all.map(({ value }) => value.date.slice(0, 4)))].sort().reverse();

/** The distinct answers of `of`, the most frequent first. */
export function countsOf<T>(all: readonly Bought[], of: (value: Purchase) => T): { of: T; count: number }[] {
  const counts = new Map<T, number>();
  for (const { value } of all) counts.set(of(value), (counts.get(of(value)) ?? 0) + 1);
  return [...counts].map(([each, count]) => ({ of: each, count })).sort((a, b) => b.count - a.count);
}
