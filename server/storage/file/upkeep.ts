import { StorageError } from "../storage.ts";
import type { DataFolder } from "./data-folder.ts";
import { failure } from "./failure.ts";
import type { Feeds } from "./feeds.ts";
import type { Journal } from "./journal.ts";
import type { Pointers } from "./pointers.ts";
import type { Segments } from "./segments.ts";
import type { Store } from "./store.ts";
import type { Stores } from "./stores.ts";
import type { Work } from "./work.ts";

export interface UpkeepLimits {
  /** Journal bytes of one store that a checkpoint is worth at least. */
  checkpointBytes: number;
  /** The same as a share of the store's document. */
  checkpointShare: number;
  /** Milliseconds after its last use when a store is written. */
  idle: number;
  /** Pointers that may be in the journal only. */
  pendingPointers: number;
  /** Estimated bytes of feeds that may be in the journal only. */
  pendingFeedBytes: number;
  /** Estimated bytes of a store above which it takes small changes only. Its document is one string: the engine must stay able to make it. */
  largeStore: number;
  /** The same above which it takes only those that make it smaller. */
  largestStore: number;
}

interface Parts {
  folder: DataFolder;
  stores: Stores;
  pointers: Pointers;
  feeds: Feeds;
  journal: Journal;
  segments: Segments;
}

const AT_ONCE = 4;
const CLOSED_FILES = 8;
const PAUSE_AFTER_FAILURE = 5_000;
/** The same for one store, whose document takes its time to make. */
const PAUSE_OF_STORE = 600_000;
const CLEAN_SHARE = 20;
/** Estimated bytes of rows. Whoever stops or deletes something writes less. */
const SMALL_CHANGE = 64 * 1024;

/** Moves what the journal holds to where it stays, so that the journal stays short. Nobody's answer waits for it. */
export class Upkeep {
  readonly #parts: Parts;
  readonly #limits: UpkeepLimits;
  readonly #now: () => number;
  readonly #wanted = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;
  #notBefore = 0;
  #cleanNotBefore = 0;
  /** Stores whose documents can't be written though others can, and when that is tried again. */
  readonly #failing = new Map<string, number>();

  constructor(parts: Parts, limits: UpkeepLimits, now: () => number) {
    this.#parts = parts;
    this.#limits = limits;
    this.#now = now;
  }

  /** After a durable change. */
  changed(store?: Store): void {
    const { checkpointBytes, checkpointShare } = this.#limits;
    const grown =
      store !== undefined &&
      !store.isBeingWritten &&
      store.dirtySize > checkpointBytes &&
      store.dirtySize > store.documentSize * checkpointShare;
    if (!grown && !this.#tooManyPointers && !this.#tooMuchOfFeeds) return;
    if (this.#now() < this.#notBefore) return;
    if (grown) this.#wanted.add(store.id);
    void this.start();
  }

  /** Before a change of a store that is perhaps as large as one can be. @throws {StorageError} `full` */
  assertRoom(store: Store, work: Work<object>): void {
    const { largeStore, largestStore } = this.#limits;
    const { written, grown } = store.weigh(work);
    if (grown > 0 && store.size + grown > (written > SMALL_CHANGE ? largeStore : largestStore))
      throw new StorageError("full", "this store is as large as one can be");
  }

  /** Whether lines up to this one are on the medium still. */
  holds(sequence: number): boolean {
    return this.#parts.segments.first("all") <= sequence;
  }

  /**
   * Takes off the medium what the line `sequence` has made void: the document and the pointers' files, then the journal up to that
   * line, which takes a place for everyone's lines before it. All who wait share it.
   * @throws {StorageError} `failed`
   */
  async purge(sequence: number): Promise<void> {
    const { folder, journal } = this.#parts;
    try {
      await journal.roll(sequence);
      await this.start();
      await folder.clear();
    } catch (error) {
      throw failure("erasing", error);
    }
    if (this.holds(sequence)) throw new StorageError("failed", "erasing: the journal can't be let go yet");
  }

  /** From time to time. */
  async tick(): Promise<void> {
    for (const id of this.#parts.stores.idleSince(this.#now() - this.#limits.idle)) this.#wanted.add(id);
    if (this.#parts.journal.due) await this.#parts.journal.roll().catch(() => {});
    const { voidThrough } = this.#parts.feeds;
    if (this.holds(voidThrough)) await this.#clean(voidThrough);
    else await this.start();
  }

  /** What was taken out of a feed need not be gone at once: a small share of the time is spent on it. */
  async #clean(sequence: number): Promise<void> {
    const began = this.#now();
    if (began < this.#notBefore || began < this.#cleanNotBefore) return this.start();
    await this.purge(sequence).catch(() => {});
    const now = this.#now();
    this.#cleanNotBefore = now + CLEAN_SHARE * (now - began);
  }

  /** Moves everything, and leaves an empty journal if it can. What it can't move stays in the journal. */
  async finish(): Promise<void> {
    await this.#running;
    this.#failing.clear();
    await this.#parts.journal.roll().catch(() => {});
    await this.start();
  }

  /** Resolves when there is nothing more to do now. Never rejects: what fails is tried again later. */
  start(): Promise<void> {
    if (this.#running !== undefined) this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** To be awaited before a change: undefined, unless changes come faster than they can be moved. */
  get behind(): Promise<void> | undefined {
    if (this.#parts.segments.closedCount <= CLOSED_FILES || this.#now() < this.#notBefore) return undefined;
    return this.start();
  }

  get #tooManyPointers(): boolean {
    return this.#parts.pointers.pendingCount > this.#limits.pendingPointers;
  }

  get #tooMuchOfFeeds(): boolean {
    return this.#parts.feeds.pendingSize > this.#limits.pendingFeedBytes;
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#once();
      } catch {
        this.#notBefore = this.#now() + PAUSE_AFTER_FAILURE;
      }
    } while (this.#again);
  }

  async #once(): Promise<void> {
    const { stores, pointers, feeds, segments } = this.#parts;
    const { closedBefore = 0 } = segments;
    const ids = [...new Set([...this.#wanted, ...stores.pinning(closedBefore).ids])];
    this.#wanted.clear();
    const failures = await this.#checkpoint(ids, closedBefore);
    if (this.#tooManyPointers || (pointers.pinned ?? closedBefore) < closedBefore) await pointers.write();
    if (this.#tooMuchOfFeeds || (feeds.pinned ?? closedBefore) < closedBefore) await feeds.write();
    const { first } = stores.pinning(segments.next);
    await this.#parts.folder.lock?.assertHeld();
    await segments.drop(Math.min(first, pointers.pinned ?? first, feeds.pinned ?? first));
    if (failures.length > 0) throw failures[0];
  }
  /** Answers why some could not be moved; the journal's lines before `closedBefore` wait for them. */
  async #checkpoint(ids: readonly string[], closedBefore: number): Promise<unknown[]> {
    const { stores } = this.#parts;
    const failed = new Map<string, unknown>();
    let isWorking = false;
    const move = async (id: string) => {
      if ((this.#failing.get(id) ?? 0) > this.#now() && (await this.#setAside(id, closedBefore))) return;
      if (await stores.checkpoint(id)) isWorking = true;
      this.#failing.delete(id);
    };
    for (let at = 0; at < ids.length; at += AT_ONCE)
      await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => move(id).catch((error: unknown) => failed.set(id, error))));
    for (const [id, error] of failed) {
      // The medium fails for all of them, and will soon be well again.
      if (!isWorking && error instanceof StorageError) continue;
      const isAside = await this.#setAside(id, closedBefore).catch(() => false);
      if (!isAside) continue;
      failed.delete(id);
      this.#failing.set(id, this.#now() + PAUSE_OF_STORE);
    }
    return [...failed.values()];
  }

  #setAside(id: string, before: number): Promise<boolean> {
    return this.#parts.stores.setAside(id, before, (first) => this.#parts.segments.closedLines(first));
  }
}
