import {
  type DocumentName,
  type FeedName,
  type PointerKind,
  type Storage,
  StorageError,
  type StoreReader,
  type StoreWriter,
} from "../storage.ts";
import type { Tail } from "./change.ts";
import type { DataFolder } from "./data-folder.ts";
import { Documents } from "./documents.ts";
import { allNames, DueStores, isDueKey, withDue } from "./due.ts";
import { Erasures } from "./erasures.ts";
import { within } from "./failure.ts";
import { FeedLines } from "./feed-lines.ts";
import { type FeedLimits, Feeds, type FoundFeedLine } from "./feeds.ts";
import { Journal } from "./journal.ts";
import { isPointerName, type Pointers, pointerKey } from "./pointers.ts";
import type { Segments } from "./segments.ts";
import { ShortLived } from "./short-lived.ts";
import type { Store } from "./store.ts";
import { Stores } from "./stores.ts";
import { Upkeep, type UpkeepLimits } from "./upkeep.ts";
import { Work } from "./work.ts";

const STORE_ID = /^[A-Za-z0-9_-]{22}$/;
const TRIES = 10;
const PATIENCE = 30_000;

interface Parts {
  folder: DataFolder;
  segments: Segments;
  pointers: Pointers;
  tails: Map<string, Tail>;
  /** Stores that the journal says were erased, with the line. */
  erased: Map<string, number>;
  /** What the journal says about feeds. */
  feedLines: readonly FoundFeedLine[];
  unlock: () => Promise<void>;
  now: () => number;
}

interface Limits extends UpkeepLimits, FeedLimits {
  cacheBytes: number;
  segmentBytes: number;
  segmentAge: number;
}

/** How one try ended. `after`: what it saw or wrote is durable once this says so. */
type Outcome<Result> =
  | { kind: "answer" | "written"; result: Result; after: Promise<StorageError | undefined> | undefined }
  | { kind: "error"; error: unknown; after: Promise<StorageError | undefined> | undefined }
  | { kind: "again"; after?: undefined };

/**
 * The embedded engine. Nonces, tickets and counts are in memory only: a restart forgets them. For tickets that is a refusal;
 * a caller of `once` must itself refuse what was made before the process started.
 */
export class FileStorage<Rows extends object> implements Storage<Rows> {
  readonly #parts: Parts;
  readonly #journal: Journal;
  readonly #stores: Stores;
  readonly #upkeep: Upkeep;
  readonly #due: DueStores;
  readonly #feeds: Feeds;
  readonly #feedLines: FeedLines;
  readonly #erasures: Erasures;
  readonly #documents: Documents;
  readonly #shortLived: ShortLived;
  readonly #timer: NodeJS.Timeout;
  #going = 0;
  #lastGone: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, limits: Limits) {
    const { folder, segments, pointers, tails, erased, now } = parts;
    this.#parts = parts;
    this.#stores = new Stores(folder, tails, limits.cacheBytes, () => segments.next - 1, now);
    this.#feeds = new Feeds(folder, limits, parts.feedLines, () => segments.next - 1);
    this.#journal = new Journal(segments, limits, () => void this.#upkeep.start());
    this.#upkeep = new Upkeep(
      { folder, stores: this.#stores, pointers, feeds: this.#feeds, journal: this.#journal, segments },
      limits,
      now,
    );
    this.#feedLines = new FeedLines(this.#journal, this.#feeds, this.#upkeep);
    this.#due = new DueStores(pointers);
    this.#erasures = new Erasures(erased, this.#upkeep);
    this.#documents = new Documents(folder);
    this.#shortLived = new ShortLived(now);
    this.#timer = setInterval(() => void this.#tick(), Math.max(limits.idle / 6, 10));
    this.#timer.unref();
  }

  create<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    if (!STORE_ID.test(id)) throw new TypeError("a store's id is 22 base64url characters");
    return this.#run(id, (store) => this.#write(store, "create", work));
  }

  change<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    return this.#run(id, (store) => this.#write(store, "change", work));
  }

  read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    return this.#run(id, (store) => this.#read(store, work));
  }

  async find(kind: PointerKind, name: string): Promise<string | undefined> {
    return isPointerName(name) ? this.#while(() => this.#parts.pointers.find(pointerKey(kind, name))) : undefined;
  }

  findDue(now: number, limit: number): Promise<string[]> {
    return this.#while(() => this.#due.find(now, limit));
  }

  erase(id: string, work: (store: StoreReader<Rows>) => Promise<unknown> = async () => {}): Promise<void> {
    return this.#while(async () => {
      await this.#run(id, (store) => this.#write(store, "erase", work)).catch((error: unknown) => {
        // One that was erased already, but is not off the medium.
        if (!(error instanceof StorageError && error.code === "absent" && this.#erasures.has(id))) throw error;
      });
      await this.#erasures.finish();
    });
  }

  append(feed: FeedName, entries: readonly unknown[]): Promise<void> {
    return this.#while(() => this.#feedLines.append(feed, entries));
  }

  readFeed(feed: FeedName, range: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>> {
    return this.#while(() => this.#feeds.read(feed, range));
  }

  removeFromFeed(feed: FeedName, positions: readonly number[]): Promise<void> {
    return this.#while(() => this.#feedLines.remove(feed, positions));
  }

  listFeeds(range: { after?: FeedName; limit: number }): Promise<FeedName[]> {
    return this.#while(() => this.#feeds.list(range));
  }

  /** Goes on with what a process that died was erasing. What fails is tried again later. */
  async finishErasures(): Promise<void> {
    if (this.#parts.erased.size > 0) await this.#erasures.finish().catch(() => {});
  }

  async #tick(): Promise<void> {
    await this.#upkeep.tick();
    this.#erasures.forget();
  }

  getDocument<Value>(name: DocumentName): Promise<Value | undefined> {
    return this.#while(() => this.#documents.get(name)) as Promise<Value | undefined>;
  }

  putDocument<Value>(name: DocumentName, value: Value): Promise<void> {
    return this.#while(() => this.#documents.put(name, value));
  }

  async once(kind: string, key: string, until: number): Promise<boolean> {
    return this.#shortLived.once(kind, key, until);
  }

  async putTicket<Value>(kind: string, name: string, value: Value, until: number): Promise<void> {
    this.#shortLived.putTicket(kind, name, value, until);
  }

  async getTicket<Value>(kind: string, name: string): Promise<Value | undefined> {
    return this.#shortLived.getTicket(kind, name);
  }

  async takeTicket<Value>(kind: string, name: string): Promise<Value | undefined> {
    return this.#shortLived.takeTicket(kind, name);
  }

  async count(key: string, window: number): Promise<{ count: number; resetsAt: number }> {
    return this.#shortLived.count(key, window);
  }

  /** Waits for what is going on, writes everything to its place and gives the folder back. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#going > 0) {
      const gone = new Promise<void>((resolve) => {
        this.#lastGone = resolve;
      });
      // Who still holds on then is answered by an error or not at all.
      await within(PATIENCE, gone, "closing").catch(() => {});
    }
    try {
      await this.#journal.drained();
      await this.#upkeep.finish();
      await this.#parts.segments.close();
    } finally {
      await this.#parts.unlock();
    }
  }

  /** Tries until what was seen is durable. */
  #run<Result>(id: string, attempt: (store: Store) => Promise<Outcome<Result>>): Promise<Result> {
    if (!STORE_ID.test(id)) return Promise.reject(new StorageError("absent", "there is no such store"));
    return this.#while(() =>
      this.#stores.use(id, async (store) => {
        for (let tries = 0; tries < TRIES; tries++) {
          const outcome = await attempt(store);
          const failed = outcome.after && (await outcome.after);
          if (outcome.kind === "written" && failed !== undefined) throw failed;
          if (outcome.kind === "again" || failed !== undefined) continue;
          if (outcome.kind === "error") throw outcome.error;
          return outcome.result;
        }
        throw new StorageError("failed", "what this work has read failed to become durable again and again");
      }),
    );
  }

  async #read<Result>(store: Store, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Outcome<Result>> {
    await store.gate.enter(false);
    const reader = new Work<Rows>(store.tables);
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

  async #write<Result>(
    store: Store,
    how: "create" | "change" | "erase",
    work: (store: StoreWriter<Rows>) => Promise<Result>,
  ): Promise<Outcome<Result>> {
    const { behind } = this.#upkeep;
    if (behind !== undefined) await within(PATIENCE, behind, "the journal is too long");
    const waiting = store.gate.enter(true);
    if (waiting !== undefined) await waiting;
    const writer = new Work<Rows>(store.tables);
    const { epoch } = store;
    let release: (() => void) | undefined;
    try {
      if (how === "create" && store.exists) throw new StorageError("taken", "this store exists");
      if (how !== "create" && !store.exists) throw new StorageError("absent", "there is no such store");
      const result = await work(writer);
      writer.end();
      const wanted = how === "erase" ? await allNames(store, this.#parts.pointers) : withDue(store, writer);
      let points: Array<[string, boolean]> = [];
      if (wanted.size > 0) {
        release = await this.#parts.pointers.hold([...wanted.keys()]);
        points = await this.#parts.pointers.check(store.id, wanted);
      }
      if (store.epoch !== epoch) return { kind: "again" };
      if (this.#journal.stopped !== undefined) throw this.#journal.stopped;
      const commit = how === "erase" ? store.erase(points) : store.commit(writer, how === "create", points);
      if (commit === undefined) return { kind: "answer", result, after: store.pending };
      commit.onDurable = (sequence) => {
        for (const [key, leadsHere] of points) {
          this.#parts.pointers.set(key, leadsHere ? store.id : undefined, sequence);
          if (isDueKey(key)) this.#due.set(key, leadsHere);
        }
        if (writer.appends !== undefined) this.#feeds.appended(sequence, writer.appends);
        if (how === "erase") this.#erasures.set(store.id, sequence);
        this.#upkeep.changed(store);
      };
      if (release !== undefined) void commit.outcome.then(release);
      release = undefined;
      this.#journal.append(commit);
      return { kind: "written", result, after: commit.outcome };
    } catch (error) {
      return store.epoch === epoch ? { kind: "error", error, after: store.pending } : { kind: "again" };
    } finally {
      release?.();
      writer.end();
      store.gate.leave();
    }
  }

  /** Counts what is going on, so that closing can wait for it. */
  async #while<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new StorageError("failed", "the storage is closed");
    this.#going++;
    try {
      return await work();
    } finally {
      this.#going--;
      if (this.#going === 0) this.#lastGone?.();
    }
  }
}
