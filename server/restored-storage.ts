import type { Rows, StoreRow } from "./rows.ts";
import { type Storage, StorageError, type StoreReader, type StoreWriter } from "./storage/storage.ts";
import { withReplaced } from "./storage/with-replaced.ts";
import { setDue } from "./store/calendar.ts";
import { noteChange } from "./store/changes.ts";
import { note } from "./store/history.ts";
import { pauseGrant } from "./store/pause.ts";
import { afterRestore } from "./store/positions.ts";
import { stateNow } from "./store/shares.ts";
import type { Teller } from "./store/tell.ts";

interface Circumstances {
  /** How often the deployment was restored. */
  readonly restores: number;
  /** When it was restored last (epoch milliseconds): the same for every store, so that nobody knows one by where its counting goes on. */
  readonly restored: number;
  readonly now: () => number;
  /** Asked for late: it needs a storage itself. */
  readonly teller: () => Teller;
}

/** Stores that are known to be settled: a reading of one row each is saved. */
const KEPT = 50_000;

/**
 * The storage of a deployment that was put back to an earlier state, or a store of which may have been (promise 3): what a customer took
 * back since then is in no backup. So whoever touches a store first, for whatever, first pauses every grant in it, as one change of its own;
 * nothing can read it between. A store says itself how far it has come, so that it happens once, whichever process is first.
 */
export function restoredStorage(storage: Storage<Rows>, circumstances: Circumstances): Storage<Rows> {
  const { restores, now } = circumstances;
  const { doubts } = storage;
  const settled = new Set<string>();
  const doubted = new Map<string, Promise<void>>();
  const resolve = async (id: string): Promise<void> => {
    const at = now();
    const pausing = storage.change(id, async (store) => {
      const row = await store.get("store", "store");
      if (row !== undefined) await pauseAll(store, { ...row, putBack: at }, { ...circumstances, restored: at });
    });
    await pausing.catch((error: unknown) => {
      throw error instanceof StorageError && error.code === "absent" ? new StorageError("corrupt", "this store is lost") : error;
    });
    await doubts?.settle(id);
  };
  /** Undefined where there is nothing to do: nothing is waited for then. */
  const settle = (id: string): Promise<void> | undefined => {
    if (doubts?.has(id) === true) {
      const going = doubted.get(id) ?? resolve(id).finally(() => doubted.delete(id));
      doubted.set(id, going);
      return going;
    }
    return restores === 0 || settled.has(id) ? undefined : bring(id);
  };
  const bring = async (id: string): Promise<void> => {
    const isSettled = await storage.read(id, isSettledAfter(restores));
    // One without its first commit holds no grant, and may come to hold one.
    if (!isSettled && !(await storage.change(id, (store) => bringIn(store, circumstances)))) return;
    settled.add(id);
    for (const old of settled) {
      if (settled.size <= KEPT) break;
      settled.delete(old);
    }
  };
  return withReplaced(storage, {
    create: (id, work) =>
      storage.create(id, async (store) => {
        // Whose place it is may come back.
        if (doubts?.has(id) === true) throw new StorageError("taken", "this store is lost, and may be put back");
        const result = await work(store);
        const row = await store.get("store", "store");
        if (row !== undefined && restores > 0) store.put("store", "store", { ...row, restores });
        return result;
      }),
    read: async (id, work) => {
      await settle(id);
      return storage.read(id, work);
    },
    change: async (id, work) => {
      await settle(id);
      return storage.change(id, work);
    },
    erase: async (id, work) => {
      await settle(id);
      return storage.erase(id, work);
    },
  });
}

const isSettledAfter =
  (restores: number) =>
  async (store: StoreReader<Rows>): Promise<boolean> =>
    isSettledIn(await store.get("store", "store"), restores);

const isSettledIn = (row: StoreRow | undefined, restores: number): boolean => row !== undefined && (row.restores ?? 0) >= restores;

/** False: it has no first commit. */
async function bringIn(store: StoreWriter<Rows>, circumstances: Circumstances): Promise<boolean> {
  const row = await store.get("store", "store");
  if (row === undefined || isSettledIn(row, circumstances.restores)) return row !== undefined;
  await pauseAll(store, row, circumstances);
  return true;
}

async function pauseAll(store: StoreWriter<Rows>, row: StoreRow, { restores, restored, now: clock, teller }: Circumstances): Promise<void> {
  const now = clock();
  // Of a copy that came from another server, that one may know by now: so this may be the only one.
  const move = row.move?.state === "arriving" ? { ...row.move, asked: true, next: now } : undefined;
  store.put("store", "store", { ...row, ...(restores === 0 ? {} : { restores }), ...(move === undefined ? {} : { move }) });
  if (move !== undefined) await setDue(store);
  // Positions that were given out since the backup mean something else, or nothing.
  const counter = await store.get("counter", "position");
  store.put("counter", "position", { ...counter, position: afterRestore(counter?.position ?? 0, restored) });
  await note(store, { at: now, type: "restored" });
  for (const [session] of await store.list("sessions", { limit: 100_000 })) store.delete("sessions", session);
  for (const [grant, standing] of await store.list("standings", { limit: 100_000 })) {
    store.put("standings", grant, { ...standing, position: afterRestore(standing.position, restored), fixed: null });
    const known = await store.get("grants", grant);
    if (known === undefined) continue;
    // Access tokens of before go with it: one may have been revoked.
    store.put("grants", grant, { ...known, generation: (known.generation ?? 0) + GENERATIONS });
    if (stateNow({ row: known, standing }, now) !== "active") continue;
    await pauseGrant({ store, teller: teller() }, grant, now, "system");
    // A reader whose cursor goes on has perhaps not had all that is here.
    await noteChange(store, grant, known, { at: now, from: 0 });
  }
}

/** More than a grant has had since any backup. */
const GENERATIONS = 2 ** 20;
