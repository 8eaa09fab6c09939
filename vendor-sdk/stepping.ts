import type { SyncOptions } from "./sync-report.ts";

/** A step of a sync: what was done since the last one. `remaining`: what is known to be left now. */
export type Step = (step: { done: number; records: number; remaining?: number }) => void;

export function stepping(tell: SyncOptions["progress"], all: number): Step {
  const started = performance.now();
  const now = { done: 0, remaining: all, records: 0 };
  return ({ done, records, remaining }) => {
    now.done += done;
    now.records += records;
    now.remaining = Math.max(0, remaining ?? now.remaining - done);
    try {
      tell?.({ ...now, ms: performance.now() - started });
    } catch {
      // A listener's fault is its own.
      return;
    }
  };
}
