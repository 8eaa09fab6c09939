import { useMemo } from "preact/hooks";
import { useAhead } from "../../parts/ahead.ts";
import { fold, holds, once, termsOf } from "../../parts/fold.ts";
import type { RecordView } from "../../vault/vault.ts";
import { valueParts } from "../values.ts";

export type Order = "name" | "newest" | "oldest" | "seller" | "dearest" | "shared";

interface Folded {
  readonly all: string;
  readonly head: string;
}
/** By the view itself, which is replaced only with its record. */
const foldedOf = once(({ value }: RecordView): Folded => {
  const parts = valueParts(value);
  return { all: fold(parts.join(" ")), head: fold(parts[0] ?? "") };
});

const member = (record: RecordView, name: string): unknown => (record.value as Record<string, unknown> | null)?.[name];
const text = (record: RecordView, name: string): string => String(member(record, name) ?? "");
const amount = (record: RecordView): number => Number((member(record, "price") as { amount?: string } | undefined)?.amount ?? -1);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byHead = (a: RecordView, b: RecordView): number => byText(foldedOf(a).head, foldedOf(b).head);

const ORDERS: Record<Order, (a: RecordView, b: RecordView) => number> = {
  name: byHead,
  newest: (a, b) => byText(text(b, "date"), text(a, "date")) || byHead(a, b),
  oldest: (a, b) => byText(text(a, "date"), text(b, "date")) || byHead(a, b),
  seller: (a, b) => byText(text(a, "seller"), text(b, "seller")) || byText(text(b, "date"), text(a, "date")),
  dearest: (a, b) => amount(b) - amount(a) || byHead(a, b),
  shared: (a, b) => b.sharedWith.length - a.sharedWith.length || byHead(a, b),
};

/** What a kind's records can be ordered by, the usual one first. */
export const ordersOf = (kind: string): readonly Order[] =>
  kind === "purchases" ? ["newest", "oldest", "name", "seller", "dearest", "shared"] : ["name", "shared"];

/** The records that hold every word of `query`, in `order`, or in their own where none is named. Pure; without case or accents. */
export function found(records: readonly RecordView[], query: string, order?: Order): readonly RecordView[] {
  const terms = termsOf(query);
  const held = terms.length === 0 ? records : records.filter((each) => holds(foldedOf(each).all, terms));
  return order === undefined ? held : [...held].sort(ORDERS[order]);
}

/** Folds thousands before the first letter is typed. */
export const useFolded = (records: readonly RecordView[]): void => useAhead(records, foldedOf);

/** The same as `found`, made anew only where something of it changed. */
export function useFound(records: readonly RecordView[], query: string, order?: Order): readonly RecordView[] {
  useFolded(records);
  return useMemo(() => found(records, query, order), [records, query, order]);
}
