import { StorageError, type StoreReader, type StoreWriter } from "../storage.ts";
import { within } from "../within.ts";
import { allNames, type DueStores, isDueKey, namesOf, withDue } from "./due.ts";
import type { Erasures } from "./erasures.ts";
import type { Feeds } from "./feeds.ts";
import type { Journal } from "./journal.ts";
import type { Pointers } from "./pointers.ts";
import type { Store } from "./store.ts";
import type { Stores } from "./stores.ts";
import type { Upkeep } from "./upkeep.ts";
import { Work } from "./work.ts";

const TRIES = 10;
/** Milliseconds that a change waits for a journal that is too long. */
const PATIENCE = 30_000;

type How = "create" | "change" | "erase";

/** How one try ended. `after`: what it saw or wrote is durable once this says so. */
type Outcome<Result> =
  | { kind: "answer" | "written"; result: Result; after: Promise<StorageError | undefined> | undefined }
  | { kind: "error"; error: unknown; after: Promise<StorageError | undefined> | undefined }
  | { kind: "again"; after?: undefined };

interface TransactionParts {
  readonly stores: Stores;
  readonly pointers: Pointers;
  readonly journal: Journal;
  readonly upkeep: Upkeep;
  readonly due: DueStores;
  readonly feeds: Feeds;
  readonly erasures: Erasures;
}

/** Pieces of work on one store each: many that read or one that changes, answered when what they saw and wrote is durable. */
export class Transactions<Rows extends object> {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    return this.#run(id, (store) => this.#read(store, work));
  }

  write<Result>(id: string, how: How, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    return this.#run(id, (store) => this.#write(store, how, work));
  }

  /** Tries until what was seen is durable. */
  #run<Result>(id: string, attempt: (store: Store) => Promise<Outcome<Result>>): Promise<Result> {
    return this.#parts.stores.use(id, async (store) => {
      for (let tries = 0; tries < TRIES; tries++) {
        const outcome = await attempt(store);
        const failed = outcome.after && (await outcome.after);
        if (outcome.kind === "written" && failed !== undefined) throw failed;
        if (outcome.kind === "again" || failed !== undefined) continue;
        if (outcome.kind === "error") throw outcome.error;
        return outcome.result;
      }
      throw new StorageError("failed", "what this work has read failed to become durable again and again");
    });
  }

  async #read<Result>(store: Store, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Outcome<Result>> {
    await store.gate.enter(false);
    const reader = new Work<Rows>(store.tables, () => namesOf(store, this.#parts.pointers));
    const { epoch } = store;
    try {
      if (!store.exists) throw new StorageError("absent", "there is no such store");
      const result = await work(reader);
      return store.epoch === epoch ? { kind: "answer", result, after: store.pending } : { kind: "again" };
    } catch (error) {
      return store.epoch === epoch ? { kind: "error", error, after: store.pending } : { kind: "again" };
    } finally {
      reader.end();
      store.gate.leave();
    }
  }

  async #write<Result>(store: Store, how: How, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Outcome<Result>> {
    const { pointers, journal, upkeep } = this.#parts;
    const { behind } = upkeep;
    if (behind !== undefined) await within(PATIENCE, behind, "the journal is too long");
    const waiting = store.gate.enter(true);
    if (waiting !== undefined) await waiting;
    const writer = new Work<Rows>(store.tables, () => namesOf(store, pointers));
    const { epoch } = store;
    let release: (() => void) | undefined;
    try {
      if (how === "create" && store.exists) throw new StorageError("taken", "this store exists");
      if (how !== "create" && !store.exists) throw new StorageError("absent", "there is no such store");
      const result = await work(writer);
      writer.end();
      const wanted = how === "erase" ? await allNames(store, pointers) : withDue(store, writer);
      let points: Array<[string, boolean]> = [];
      if (wanted.size > 0) {
        release = await pointers.hold([...wanted.keys()]);
        points = await pointers.check(store.id, wanted, store.names ?? []);
      }
      if (store.epoch !== epoch) return { kind: "again" };
      if (journal.stopped !== undefined) throw journal.stopped;
      if (how !== "erase") upkeep.assertRoom(store, writer);
      const commit = how === "erase" ? store.erase(points) : store.commit(writer, how === "create", points);
      if (commit === undefined) return { kind: "answer", result, after: store.pending };
      commit.onDurable = (sequence) => this.#durable(store, writer, { how, points, sequence });
      if (release !== undefined) void commit.outcome.then(release);
      release = undefined;
      journal.append(commit);
      return { kind: "written", result, after: commit.outcome };
    } catch (error) {
      return store.epoch === epoch ? { kind: "error", error, after: store.pending } : { kind: "again" };
    } finally {
      release?.();
      writer.end();
      store.gate.leave();
    }
  }

  /** What a durable change moves outside its store. */
  #durable(
    store: Store,
    { appends }: Work<Rows>,
    { how, points, sequence }: { how: How; points: ReadonlyArray<[string, boolean]>; sequence: number },
  ): void {
    const { pointers, due, feeds, erasures, upkeep } = this.#parts;
    for (const [key, leadsHere] of points) {
      pointers.set(key, leadsHere ? store.id : undefined, sequence);
      if (isDueKey(key)) due.set(key, leadsHere);
    }
    if (appends !== undefined) feeds.appended(sequence, appends);
    if (how === "erase") erasures.set(store.id, sequence);
    upkeep.changed(store);
  }
}
