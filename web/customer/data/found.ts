import { useEffect, useMemo } from "preact/hooks";
import type { RecordView } from "../../vault/vault.ts";
import { valueParts } from "../values.ts";

export type Order = "name" | "newest" | "oldest" | "seller" | "dearest" | "shared";

/** Letters that no decomposition takes apart. */
const LETTERS: Record<string, string> = { ß: "ss", ø: "o", ł: "l", đ: "d", æ: "ae", œ: "oe", ı: "i", ð: "d", þ: "th" };

/** A text as one looks for it: without case, accents, and what has no width. */
export const fold = (text: string): string =>
  text
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}]/gu, "")
    .replaceAll(/[ßøłđæœıðþ]/g, (letter) => LETTERS[letter] ?? letter);

interface Folded {
  readonly all: string;
  readonly head: string;
}
/** By the view itself, which is replaced only with its record: a search of thousands folds each once. */
const foldedViews = new WeakMap<RecordView, Folded>();

function foldedOf(record: RecordView): Folded {
  const before = foldedViews.get(record);
  if (before) return before;
  const parts = valueParts(record.value);
  const folded = { all: fold(parts.join(" ")), head: fold(parts[0] ?? "") };
  foldedViews.set(record, folded);
  return folded;
}

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
  const terms = fold(query).split(/\s+/).filter(Boolean);
  const held = terms.length === 0 ? records : records.filter((each) => terms.every((term) => foldedOf(each).all.includes(term)));
  return order === undefined ? held : [...held].sort(ORDERS[order]);
}

/** Folds thousands before the first letter is typed, in slices that a page doesn't feel. */
export function useFolded(records: readonly RecordView[]): void {
  useEffect(() => {
    let at = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const slice = () => {
      const end = performance.now() + 6;
      for (; at < records.length && performance.now() < end; at += 1) {
        const record = records[at];
        if (record) foldedOf(record);
      }
      if (at < records.length) timer = setTimeout(slice, 4);
    };
    timer = setTimeout(slice, 100);
    return () => clearTimeout(timer);
  }, [records]);
}

/** The same as `found`, made anew only where something of it changed. */
export function useFound(records: readonly RecordView[], query: string, order?: Order): readonly RecordView[] {
  useFolded(records);
  return useMemo(() => found(records, query, order), [records, query, order]);
}
