import type { Tail } from "./change.ts";
import type { DataFolder } from "./data-folder.ts";
import { Store } from "./store.ts";

/** The open stores: a bounded cache by bytes, least recently used first. Each store is one object at most. */
export class Stores {
  readonly #folder: DataFolder;
  readonly #tails: Map<string, Tail>;
  readonly #cacheBytes: number;
  readonly #lastLine: () => number;
  readonly #now: () => number;
  readonly #open = new Map<string, Store>();
  readonly #opening = new Map<string, Promise<void>>();
  #size = 0;
  #makingRoom: Promise<void> | undefined;

  /** `tails`: what the journal held at start, for the stores that are not open yet. */
  constructor(folder: DataFolder, tails: Map<string, Tail>, cacheBytes: number, lastLine: () => number, now: () => number) {
    this.#folder = folder;
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

  async checkpoint(id: string): Promise<void> {
    if (!this.#open.has(id) && !this.#tails.has(id)) return;
    let store = this.#open.get(id);
    for (; store === undefined; store = this.#open.get(id)) await this.#load(id);
    await this.#checkpoint(store);
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
    const store = await Store.open(this.#folder, id, this.#tails.get(id), this.#lastLine());
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
      if (store.pins === 0 && store.dirtyFrom !== undefined) await this.#checkpoint(store).catch(() => {});
      if (store.pins === 0 && store.pinned === undefined && this.#open.get(store.id) === store) this.#close(store);
    }
  }

  async #checkpoint(store: Store): Promise<void> {
    store.pins++;
    try {
      await store.checkpoint();
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
