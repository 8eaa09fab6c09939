import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import { type Storage, StorageError } from "../storage/storage.ts";

const AT_ONCE = 4;
const INTERVAL = 60_000;

type Erasing = Pick<Storage<Rows>, "findDue" | "erase">;

/** Erases a store if its time has come: its customer may have kept it since. Answers whether it did. */
export async function eraseDue(storage: Erasing, account: string, now: number): Promise<boolean> {
  try {
    await storage.erase(account, async (store) => {
      const row = await store.get("store", "store");
      if (row?.erasing === undefined || row.erasing > now) throw new NotDue();
    });
    return true;
  } catch (error) {
    // Somebody else was first.
    if (error instanceof NotDue || (error instanceof StorageError && error.code === "absent")) return false;
    throw error;
  }
}

class NotDue extends Error {}

/** Erases every store whose time has come, a few at a time. One that fails holds up no other, and is tried again by the next sweep. */
export async function sweep(storage: Erasing, now: number, log: Pick<Log, "erased" | "fault">): Promise<void> {
  const tried = new Set<string>();
  for (;;) {
    const due = (await storage.findDue(now, tried.size + AT_ONCE)).filter((id) => !tried.has(id));
    if (due.length === 0) return;
    const done = await Promise.allSettled(due.map((id) => eraseDue(storage, id, now)));
    for (const id of due) tried.add(id);
    const count = done.filter((one) => one.status === "fulfilled" && one.value).length;
    if (count > 0) log.erased(count);
    for (const one of done) if (one.status === "rejected") log.fault("sweep", one.reason);
  }
}

/** Sweeps now and every minute. Disposing of it waits for the sweep that is going on. */
export function sweepRegularly(storage: Erasing, log: Pick<Log, "erased" | "fault">, now: () => number): AsyncDisposable {
  let going: Promise<void> | undefined;
  const run = (): void => {
    going ??= sweep(storage, now(), log)
      .catch((error: unknown) => log.fault("sweep", error))
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
