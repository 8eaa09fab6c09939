import { Ongoing } from "../ongoing.ts";
import { isPointerName, isStoreId } from "../shapes.ts";
import {
  type Damage,
  type DocumentName,
  type FeedKind,
  type FeedName,
  type Figures,
  type PointerKind,
  type Storage,
  StorageError,
  type StoreReader,
  type StoreWriter,
} from "../storage.ts";
import { within } from "../within.ts";
import type { Tail } from "./change.ts";
import type { Damages } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import { Documents } from "./documents.ts";
import type { Doubts } from "./doubts.ts";
import { DueStores } from "./due.ts";
import { Erasures } from "./erasures.ts";
import { FeedLines } from "./feed-lines.ts";
import { type FeedLimits, Feeds, type FoundFeedLine } from "./feeds.ts";
import type { FolderLock } from "./folder-lock.ts";
import { Journal } from "./journal.ts";
import { type Pointers, pointerKey } from "./pointers.ts";
import type { Segments } from "./segments.ts";
import { ShortLived } from "./short-lived.ts";
import type { StoreLate } from "./store-late.ts";
import { Stores } from "./stores.ts";
import { Transactions } from "./transactions.ts";
import { Upkeep, type UpkeepLimits } from "./upkeep.ts";

/** Milliseconds that closing waits for what goes on. */
const PATIENCE = 30_000;
const PROBE_PATIENCE = 2_000;

interface Parts {
  folder: DataFolder;
  segments: Segments;
  pointers: Pointers;
  damages: Damages;
  doubts: Doubts;
  late: StoreLate;
  tails: Map<string, Tail>;
  /** Stores that the journal says were erased, with the line. */
  erased: Map<string, number>;
  /** What the journal says about feeds. */
  feedLines: readonly FoundFeedLine[];
  lock: FolderLock;
  now: () => number;
}

interface Limits extends UpkeepLimits, FeedLimits {
  cacheBytes: number;
  segmentBytes: number;
  segmentAge: number;
}

/**
 * The embedded engine. Nonces, tickets, counts and leases are in memory only: a restart forgets them. For tickets that is a refusal;
 * a caller of `once` must itself refuse what was made before the process started.
 */
export class FileStorage<Rows extends object> implements Storage<Rows> {
  readonly isShared = false;
  readonly doubts: NonNullable<Storage["doubts"]>;
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
  readonly #transactions: Transactions<Rows>;
  readonly #ongoing = new Ongoing();
  readonly #timer: NodeJS.Timeout;
  #probing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, limits: Limits) {
    const { folder, segments, pointers, damages, erased, now } = parts;
    this.#parts = parts;
    this.#stores = new Stores(parts, limits, () => segments.next - 1, now);
    const { doubts } = parts;
    this.doubts = {
      has: (id) => doubts.has(id),
      add: (id) => doubts.add(id),
      // What was put back and brought into order is one document first: lines of before, which the journal may still hold, no longer count.
      settle: async (id) => {
        await this.#stores.checkpoint(id);
        await doubts.settle(id);
      },
    };
    this.#feeds = new Feeds(parts, limits, () => segments.next - 1);
    this.#journal = new Journal(segments, { ...limits, lock: parts.lock }, () => void this.#upkeep.start());
    this.#upkeep = new Upkeep(
      { folder, stores: this.#stores, pointers, feeds: this.#feeds, journal: this.#journal, segments },
      limits,
      now,
    );
    this.#feedLines = new FeedLines(this.#journal, this.#feeds, this.#upkeep);
    this.#due = new DueStores(pointers);
    this.#erasures = new Erasures(erased, this.#upkeep);
    this.#documents = new Documents(folder, damages);
    this.#shortLived = new ShortLived(now);
    this.#transactions = new Transactions({
      stores: this.#stores,
      pointers,
      journal: this.#journal,
      upkeep: this.#upkeep,
      due: this.#due,
      feeds: this.#feeds,
      erasures: this.#erasures,
    });
    for (const id of parts.late.stores)
      damages.note(
        "store",
        id,
        new StorageError("corrupt", `its document could not be read: its last changes are in ${folder.path("late")}`),
      );
    for (const id of parts.doubts.all) damages.note("store", id, new StorageError("corrupt", "it was damaged or lost, and not used since"));
    this.#timer = setInterval(() => void this.#tick(), Math.max(limits.idle / 6, 10));
    this.#timer.unref();
  }

  create<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) throw new TypeError("a store's id is 22 base64url characters");
    return this.#write(id, "create", work);
  }

  change<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    return this.#write(id, "change", work);
  }

  read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) return Promise.reject(absent());
    return this.#ongoing.run(() => this.#transactions.read(id, work));
  }

  async find(kind: PointerKind, name: string): Promise<string | undefined> {
    return isPointerName(name) ? this.#ongoing.run(() => this.#find(pointerKey(kind, name))) : undefined;
  }

  /** An erased store takes its names with it: one that a name leads to, and that isn't there, is lost, and nothing of it has ended. */
  async #find(key: string): Promise<string | undefined> {
    const { pointers, damages, doubts } = this.#parts;
    const id = await pointers.find(key);
    if (id === undefined || (await this.#stores.has(id)) || (await pointers.find(key)) !== id) return id;
    const lost = new StorageError("corrupt", "a store that a name leads to is not there");
    damages.note("store", id, lost);
    await doubts.add(id).catch(() => {});
    throw lost;
  }

  findDue(now: number, limit: number): Promise<string[]> {
    return this.#ongoing.run(() => this.#due.find(now, limit));
  }

  erase(id: string, work: (store: StoreReader<Rows>) => Promise<unknown> = async () => {}): Promise<void> {
    return this.#ongoing.run(async () => {
      await this.#write(id, "erase", work).catch((error: unknown) => {
        // One that was erased already, but is not off the medium.
        if (!(error instanceof StorageError && error.code === "absent" && this.#erasures.has(id))) throw error;
      });
      await this.#erasures.finish();
    });
  }

  append(feed: FeedName, entries: readonly unknown[]): Promise<void> {
    return this.#ongoing.run(() => this.#feedLines.append(feed, entries));
  }

  readFeed(feed: FeedName, range: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>> {
    return this.#ongoing.run(() => this.#feeds.read(feed, range));
  }

  removeFromFeed(feed: FeedName, positions: readonly number[]): Promise<void> {
    return this.#ongoing.run(() => this.#feedLines.remove(feed, positions));
  }

  listFeeds(kind: FeedKind, range: { after?: FeedName; limit: number }): Promise<FeedName[]> {
    return this.#ongoing.run(() => this.#feeds.list(kind, range));
  }

  watchFeeds(look: (feed: FeedName) => void): () => void {
    return this.#feeds.watch(look);
  }

  listStores(range: { after?: string; limit: number }): Promise<string[]> {
    return this.#ongoing.run(() => this.#stores.list(range));
  }

  listDocuments(range: { after?: DocumentName; limit: number }): Promise<DocumentName[]> {
    return this.#ongoing.run(() => this.#documents.list(range));
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
    return this.#ongoing.run(() => this.#documents.get(name)) as Promise<Value | undefined>;
  }

  putDocument<Value>(name: DocumentName, value: Value): Promise<void> {
    return this.#ongoing.run(() => this.#documents.put(name, value));
  }

  changeDocument<Value>(name: DocumentName, work: (value: Value | undefined) => Value | undefined): Promise<Value | undefined> {
    return this.#ongoing.run(() => this.#documents.change(name, work as (value: unknown) => unknown)) as Promise<Value | undefined>;
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

  async hold(name: string, holder: string, duration: number): Promise<boolean> {
    return this.#shortLived.hold(name, holder, duration);
  }

  async release(name: string, holder: string): Promise<void> {
    this.#shortLived.release(name, holder);
  }

  check(): Promise<void> {
    return this.#ongoing.run(async () => {
      if (this.#journal.stopped !== undefined) throw this.#journal.stopped;
      await this.#parts.lock.assertHeld();
      this.#probing ??= this.#parts.folder.probe().finally(() => {
        this.#probing = undefined;
      });
      await within(PROBE_PATIENCE, this.#probing, "writing to the data folder");
    });
  }

  listDamaged(): readonly Damage[] {
    return this.#parts.damages.all;
  }

  figures(): Figures {
    const { segments } = this.#parts;
    return { journalFiles: segments.closedCount + 1, journalBytes: segments.size };
  }

  /** Waits for what is going on, writes everything to its place and gives the folder back. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ongoing.close(PATIENCE);
    try {
      await this.#journal.drained();
      await this.#upkeep.finish();
      await this.#parts.segments.close();
    } finally {
      await this.#parts.lock.release();
    }
  }

  #write<Result>(id: string, how: "create" | "change" | "erase", work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) return Promise.reject(absent());
    return this.#ongoing.run(() => this.#transactions.write(id, how, work));
  }
}

const absent = (): StorageError => new StorageError("absent", "there is no such store");
