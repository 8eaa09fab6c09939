import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
import { doDue } from "./due-work.ts";
import type { Teller } from "./tell.ts";

const AT_ONCE = 4;
const INTERVAL = 5_000;

export interface Sweeping {
  readonly storage: Pick<Storage<Rows>, "findDue" | "erase" | "change" | "read">;
  readonly outbox: Teller & { wake(): void };
  readonly log: Pick<Log, "erased" | "fault">;
}

/** When a store that failed is tried again (epoch milliseconds), and how long that was put off: kept from one sweep to the next. */
export type Patience = Map<string, { readonly until: number; readonly wait: number }>;

const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 3_600_000;

/**
 * Does what is due at `now`, a few stores at a time: erases, ends what has expired, reminds vendors. A store that fails holds up no
 * other, and is tried again later, and ever later while it fails.
 */
export async function sweep({ storage, outbox, log }: Sweeping, now: number, patience: Patience = new Map()): Promise<void> {
  const tried = new Set([...patience].filter(([, { until }]) => until > now).map(([id]) => id));
  // Still due after their turn: what was done is due no longer.
  const stuck = new Set<string>();
  for (;;) {
    const limit = stuck.size + AT_ONCE;
    const due = await storage.findDue(now, limit);
    for (const id of due) if (tried.has(id)) stuck.add(id);
    const turn = due.filter((id) => !tried.has(id));
    if (turn.length === 0 && stuck.size + AT_ONCE === limit) return;
    const done = await Promise.allSettled(turn.map((id) => doDue(storage, outbox, id, now)));
    for (const id of turn) tried.add(id);
    const erased = done.filter((one) => one.status === "fulfilled" && one.value).length;
    if (erased > 0) log.erased(erased);
    for (const [at, one] of done.entries()) {
      const id = turn[at] as string;
      const before = patience.get(id);
      patience.delete(id);
      if (one.status === "fulfilled" || isGone(one.reason)) continue;
      const wait = before === undefined ? FIRST_WAIT : Math.min(2 * before.wait, LONGEST_WAIT);
      patience.set(id, { until: now + wait, wait });
      log.fault("sweep", one.reason);
    }
    if (turn.length > 0) outbox.wake();
  }
}

/** Somebody else was first. */
const isGone = (error: unknown): boolean => error instanceof StorageError && error.code === "absent";

/** Sweeps now and every few seconds. Disposing of it waits for the sweep that is going on. */
export function sweepRegularly(sweeping: Sweeping, now: () => number): AsyncDisposable {
  const patience: Patience = new Map();
  let going: Promise<void> | undefined;
  const run = (): void => {
    going ??= sweep(sweeping, now(), patience)
      .catch((error: unknown) => sweeping.log.fault("sweep", error))
      .finally(() => {
        going = undefined;
      });
  };
  run();
  const timer = setInterval(run, INTERVAL);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await going;
    },
  };
}
