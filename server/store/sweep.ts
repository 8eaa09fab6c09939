import { Leases } from "../leases.ts";
import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
import { doDue } from "./due-work.ts";
import type { Teller } from "./tell.ts";

const AT_ONCE = 4;
const INTERVAL = 5_000;
/** Held by one of the processes that share a storage, as long as any runs. */
export const SWEEP = "sweep";

export interface Sweeping {
  readonly storage: Pick<Storage<Rows>, "findDue" | "erase" | "change" | "read">;
  readonly outbox: Teller & { wake(): void };
  readonly log: Pick<Log, "erased" | "fault">;
  /** Goes on with what a move between two servers has to do: see `doDue`. */
  readonly goOn?: (account: string, now: number) => Promise<boolean>;
}

/** When a store that failed is tried again (epoch milliseconds), and how long that was put off: kept from one sweep to the next. */
export type Patience = Map<string, { readonly until: number; readonly wait: number }>;

const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 3_600_000;

/**
 * Does what is due at `now`, a few stores at a time: erases, ends what has expired, reminds vendors. A store that fails holds up no
 * other, and is tried again later, and ever later while it fails. `goesOn`: false leaves the rest for another time.
 */
export async function sweep(
  { storage, outbox, log, goOn }: Sweeping,
  now: number,
  patience: Patience = new Map(),
  goesOn: () => boolean = () => true,
): Promise<void> {
  const tried = new Set([...patience].filter(([, { until }]) => until > now).map(([id]) => id));
  // Still due after their turn: what was done is due no longer.
  const stuck = new Set<string>();
  while (goesOn()) {
    const limit = stuck.size + AT_ONCE;
    const due = await storage.findDue(now, limit);
    for (const id of due) if (tried.has(id)) stuck.add(id);
    const turn = due.filter((id) => !tried.has(id));
    if (turn.length === 0 && stuck.size + AT_ONCE === limit) return;
    const done = await Promise.allSettled(turn.map((id) => doDue(storage, outbox, id, now, goOn)));
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

type SweepingAlone = Sweeping & { readonly storage: Pick<Storage, "isShared" | "hold" | "release"> };

/**
 * Sweeps now and every few seconds, unless another process that shares the storage does: what both did would be done once, but cost twice.
 * Disposing of it waits for the sweep that is going on.
 */
export function sweepRegularly(sweeping: SweepingAlone, now: () => number): AsyncDisposable {
  const { storage, log } = sweeping;
  const patience: Patience = new Map();
  const leases = new Leases(storage);
  const fault = (error: unknown): void => log.fault("sweep", error);
  let isStopped = false;
  let going: Promise<void> | undefined;
  const sweepAlone = async (): Promise<void> => {
    if (await leases.take(SWEEP)) await sweep(sweeping, now(), patience, () => !isStopped && leases.holds(SWEEP));
  };
  const run = (): void => {
    going ??= sweepAlone()
      .catch(fault)
      .finally(() => {
        going = undefined;
      });
  };
  run();
  const timers = [setInterval(run, INTERVAL)];
  if (storage.isShared) timers.push(setInterval(() => void leases.keep(() => {}).catch(fault), leases.every));
  for (const timer of timers) timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      isStopped = true;
      for (const timer of timers) clearInterval(timer);
      await going;
      await leases.release(SWEEP).catch(fault);
    },
  };
}
