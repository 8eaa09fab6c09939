import type { Intent } from "#protocol/data/intents.ts";
import type { RecordView, StoreView } from "../../vault/vault.ts";

/** One wish with its record. */
export interface Wish {
  readonly record: RecordView;
  readonly intent: Intent;
}

export const wishesOf = (store: StoreView): Wish[] =>
  store.records.flatMap((record) =>
    record.kind === "intents" && record.value !== null ? [{ record, intent: record.value as Intent }] : [],
  );

/** @param today YYYY-MM-DD, where the customer is */
export const hasPassed = ({ state, deadline }: Intent, today: string): boolean =>
  state === "open" && deadline !== undefined && deadline < today;

const LATE = "9999-99-99";

/** What is needed soonest first, then what has no day, then what has gone by, the latest first. */
export const inOrder = (today: string) => (a: Wish, b: Wish) => {
  const [past, other] = [hasPassed(a.intent, today), hasPassed(b.intent, today)];
  if (past !== other) return past ? 1 : -1;
  const order = (a.intent.deadline ?? LATE).localeCompare(b.intent.deadline ?? LATE);
  return (past ? -order : order) || a.intent.item.localeCompare(b.intent.item);
};

/** What ended last first. */
export const byEnd = (a: Wish, b: Wish): number =>
  (b.intent.ended ?? "").localeCompare(a.intent.ended ?? "") || a.intent.item.localeCompare(b.intent.item);

export const ended = (intent: Intent, state: "fulfilled" | "withdrawn", today: string): Intent => ({ ...intent, state, ended: today });

export function reopened({ ended: _, ...intent }: Intent): Intent {
  return { ...intent, state: "open" };
}
