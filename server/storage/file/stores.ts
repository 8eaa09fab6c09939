import { assertLimit } from "../shapes.ts";
import { StorageError } from "../storage.ts";
import type { Tail } from "./change.ts";
import { type Damages, isCorrupt } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Doubts } from "./doubts.ts";
import { Store } from "./store.ts";
import { storeFiles, storePath } from "./store-files.ts";
import type { StoreLate } from "./store-late.ts";

interface StoresParts {
  folder: DataFolder;
  late: StoreLate;
  damages: Damages;
  doubts: Doubts;
  tails: Map<string, Tail>;
}

/** The open stores: a bounded cache by bytes, least recently used first. Each store is one object at most. */
export class Stores {
  readonly #folder: DataFolder;
  readonly #late: StoreLate;
  readonly #damages: Damages;
  readonly #doubts: Doubts;
  readonly #tails: Map<string, Tail>;
  readonly #cacheBytes: number;
  readonly #lastLine: () => number;
  readonly #now: () => number;
  readonly #open = new Map<string, Store>();
  readonly #opening = new Map<string, Promise<void>>();
  #size = 0;
  #makingRoom: Promise<void> | undefined;

  /** `tails`: what the journal held at start, for the stores that are not open yet. */
  constructor(
    { folder, late, damages, doubts, tails }: StoresParts,
    { cacheBytes }: { cacheBytes: number },
    lastLine: () => number,
    now: () => number,
  ) {
    this.#folder = folder;
    this.#late = late;
    this.#damages = damages;
    this.#doubts = doubts;
    this.#tails = tails;
    this.#cacheBytes = cacheBytes;
    this.#lastLine = lastLine;
    this.#now = now;
  }

  /** Keeps the store open while the work runs. It need not exist. */
  async use<Result>(id: string, work: (store: Store) => Promise<Result>): Promise<Result> {
    let store = this.#open.get(id);
    for (; store === undefined; store = this.#open.get(id)) await this.#load(id);
    store.pins++;
    store.used = this.#now();
    this.#open.delete(id);
    this.#open.set(id, store);
    try {
      return await work(store);
    } finally {
      this.#unpin(store);
    }
  }

  /** Answers whether its document was written. */
  async checkpoint(id: string): Promise<boolean> {
    if (!this.#open.has(id) && !this.#tails.has(id)) return false;
    let store = this.#open.get(id);
    for (; store === undefined; store = this.#open.get(id)) {
      try {
        await this.#load(id);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        await this.#setAside(id);
        return false;
      }
    }
    return this.#pinned(store, () => store.checkpoint());
  }

  /** See `Store.setAside`. Answers whether the journal need not wait for it. */
  async setAside(id: string, before: number, lines: (first: number) => AsyncIterable<[sequence: number, line: string]>): Promise<boolean> {
    const store = this.#open.get(id);
    return store !== undefined && this.#pinned(store, () => store.setAside(before, lines));
  }

  /** Its document can't be read now: the journal must not wait for it. Nobody opens it meanwhile. */
  async #setAside(id: string): Promise<void> {
    const others = this.#opening.get(id);
    if (others !== undefined) return others;
    const tail = this.#tails.get(id);
    if (tail === undefined || this.#open.has(id)) return;
    const writing = this.#late.write(id, tail.changes).then(() => void this.#tails.delete(id));
    const turn = writing.finally(() => this.#opening.delete(id));
    this.#opening.set(id, turn);
    await turn;
  }

  /** The first line that has to stay in the journal, and the stores that need one before `sequence`. */
  pinning(sequence: number): { first: number; ids: string[] } {
    let first = sequence;
    const ids: string[] = [];
    const see = (id: string, pinned: number | undefined) => {
      if (pinned === undefined || pinned >= sequence) return;
      ids.push(id);
      if (pinned < first) first = pinned;
    };
    for (const [id, store] of this.#open) see(id, store.pinned);
    for (const [id, tail] of this.#tails) see(id, tail.first);
    return { first, ids };
  }

  /** Stores with lines to checkpoint that nobody has used since `moment`. */
  idleSince(moment: number): string[] {
    const idle = [...this.#tails.keys()];
    for (const [id, store] of this.#open) if (store.dirtyFrom !== undefined && store.used <= moment) idle.push(id);
    return idle;
  }

  /** Ids of stores that there are, in order. Costs the folders from `after` on. */
  async list({ after = "", limit }: { after?: string; limit: number }): Promise<string[]> {
    assertLimit(limit);
    // Before the files: what is closed meanwhile is a file by then.
    const unwritten = [...this.#open.keys(), ...this.#tails.keys(), ...this.#late.stores, ...this.#doubts.all].filter((id) => id > after);
    const found: string[] = [];
    let last = "";
    for await (const id of storeFiles(this.#folder, after)) {
      last = id;
      if ((await this.#isThere(id)) && found.push(id) === limit) break;
    }
    const isWhole = found.length < limit;
    for (const id of unwritten) if ((isWhole || id < last) && (await this.#isThere(id))) found.push(id);
    return [...new Set(found)].sort().slice(0, limit);
  }

  /** Of one that has a file, or lines in the journal. */
  async #isThere(id: string): Promise<boolean> {
    const tail = this.#tails.get(id);
    if (tail !== undefined) return tail.changes.at(-1)?.[1].erased !== true;
    for (let store = this.#open.get(id); store !== undefined; store = this.#open.get(id)) {
      if (store.pending === undefined) return store.exists;
      await store.pending;
    }
    return true;
  }

  /** Whether there is one of that id, wherever it lies: of one that isn't open, that costs one look at the folder. */
  async has(id: string): Promise<boolean> {
    if (!this.#open.has(id) && !this.#tails.has(id) && !this.#late.has(id))
      return (await this.#folder.disk.modified(storePath(this.#folder, id))) !== undefined || this.#open.has(id);
    return this.#isThere(id);
  }

  #load(id: string): Promise<void> {
    let opening = this.#opening.get(id);
    if (opening === undefined) {
      opening = this.#read(id).finally(() => this.#opening.delete(id));
      this.#opening.set(id, opening);
    }
    return opening;
  }

  async #read(id: string): Promise<void> {
    if (this.#size > this.#cacheBytes) await this.#makeRoom();
    const store = await this.#damages.watch("store", id, () =>
      Store.open(this.#folder, this.#late, id, this.#tails.get(id), this.#lastLine()).catch(async (error: unknown) => {
        // Before anybody hears of it: whoever repairs it may be quick.
        if (isCorrupt(error)) await this.#doubts.add(id).catch(() => {});
        throw error;
      }),
    );
    this.#tails.delete(id);
    this.#open.set(id, store);
    this.#count(store);
  }

  #makeRoom(): Promise<void> {
    this.#makingRoom ??= this.#evict().finally(() => {
      this.#makingRoom = undefined;
    });
    return this.#makingRoom;
  }

  async #evict(): Promise<void> {
    for (const store of [...this.#open.values()]) {
      if (this.#size <= this.#cacheBytes) return;
      // If it can't be written now it stays: too much memory is better than no answers.
      if (store.pins === 0 && store.dirtyFrom !== undefined) await this.#pinned(store, () => store.checkpoint()).catch(() => {});
      if (store.pins === 0 && store.pinned === undefined && this.#open.get(store.id) === store) this.#close(store);
    }
  }

  async #pinned<Result>(store: Store, work: () => Promise<Result>): Promise<Result> {
    store.pins++;
    try {
      return await work();
    } finally {
      this.#unpin(store);
    }
  }

  #unpin(store: Store): void {
    store.pins--;
    this.#count(store);
    if (store.pins === 0 && !store.exists && store.pinned === undefined) this.#close(store);
  }

  #count(store: Store): void {
    this.#size += store.size - store.counted;
    store.counted = store.size;
  }

  #close(store: Store): void {
    this.#open.delete(store.id);
    this.#size -= store.counted;
  }
}
