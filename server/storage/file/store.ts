import { Low } from "lowdb";
import { StorageError } from "../storage.ts";
import { appendsText } from "./appends.ts";
import type { Change, Tail } from "./change.ts";
import { type Checkpoint, checked, empty, textOf } from "./checkpoint.ts";
import { Commit } from "./commit.ts";
import { isCorrupt } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import { isDueKey } from "./due.ts";
import { FileAdapter } from "./file-adapter.ts";
import { Gate } from "./gate.ts";
import { storePath } from "./store-files.ts";
import type { StoreLate } from "./store-late.ts";
import { Entry, NAMES, Table } from "./table.ts";
import type { Work } from "./work.ts";

/** A row of `NAMES`, where that has had them all since the store was made. */
const ALL = "";

const STORE_OVERHEAD = 2048;
const ROW_OVERHEAD = 64;
/** Bytes of a document from which each row of it is weighed when it is read. */
const WEIGHED = 32 * 1024 * 1024;
const NAMED = Entry.found(1, 1);

/** One open store. Memory runs ahead of the journal by what is pending, and goes back if that fails. */
export class Store {
  readonly id: string;
  readonly gate = new Gate();
  readonly tables = new Map<string, Table>();
  exists = false;
  /** Estimated bytes of memory. */
  size = STORE_OVERHEAD;
  /** What of `size` the cache has counted. */
  counted = 0;
  /** The last line that is durable. */
  through = 0;
  /** How many changes made it what it is. */
  changes = 0;
  /** Changes when memory went back: what was read before is void. */
  epoch = 0;
  /** Of the last change that is not durable yet; undefined if all are. */
  pending: Promise<StorageError | undefined> | undefined;
  /** The first line that no durable checkpoint has. */
  dirtyFrom: number | undefined;
  /** Bytes of journal since the last checkpoint. */
  dirtySize = 0;
  pins = 0;
  used = 0;
  #writingFrom: number | undefined;
  /** Since the last checkpoint, even if it was made again. */
  #wasErased = false;
  #checkpointing: Promise<unknown> | undefined;
  readonly #adapter: FileAdapter<Checkpoint>;
  readonly #document: Low<Checkpoint>;
  readonly #late: StoreLate;

  private constructor(id: string, adapter: FileAdapter<Checkpoint>, late: StoreLate) {
    this.id = id;
    this.#adapter = adapter;
    this.#late = late;
    this.#document = new Low(adapter, empty(id));
  }

  /** @throws {StorageError} `corrupt`, `failed` */
  static async open(folder: DataFolder, late: StoreLate, id: string, tail: Tail | undefined, end: number): Promise<Store> {
    const path = storePath(folder, id);
    const store = new Store(id, new FileAdapter<Checkpoint>(folder, path, folder.path("stores"), "checkpoint", textOf), late);
    await store.#load(tail, path, end);
    return store;
  }

  /** The first line that has to stay in the journal. */
  get pinned(): number | undefined {
    return this.#writingFrom ?? this.dirtyFrom;
  }

  get isBeingWritten(): boolean {
    return this.#checkpointing !== undefined;
  }

  /** Size of the document when last read or written. */
  get documentSize(): number {
    return this.#adapter.size;
  }

  /** What the work would write, and by how much more the store would be: both as `size` counts. */
  weigh(work: Work<object>): { written: number; grown: number } {
    let written = 0;
    let replaced = 0;
    for (const [name, key, { entry }] of work.changes()) {
      const before = this.tables.get(name)?.get(key);
      if (entry !== undefined) written += weightOf(key, entry);
      if (before !== undefined) replaced += weightOf(key, before);
    }
    return { written, grown: written - replaced };
  }

  /** Applies the work at once and answers its line, which the caller queues; undefined if it changes nothing. */
  commit(work: Work<object>, made: boolean, points: Array<[string, boolean]>): Commit | undefined {
    const undo: Undo[] = [];
    const rows: string[] = [];
    const size = this.size;
    for (const [name, key, { entry, json }] of work.changes()) {
      const table = this.#table(name);
      undo.push([table, key, this.#set(table, key, entry)]);
      rows.push(entry === undefined ? JSON.stringify([name, key]) : `[${JSON.stringify(name)},${JSON.stringify(key)},${json}]`);
    }
    if (rows.length === 0 && points.length === 0 && !made && work.appends === undefined) return undefined;
    for (const [table, key, entry] of this.#name(points, made)) undo.push([table, key, this.#set(table, key, entry)]);
    if (made) this.exists = true;
    const count = this.changes++;
    const said = points.length > 0 ? `,"points":${JSON.stringify(points)}` : "";
    const appended = work.appends === undefined ? "" : `,${appendsText(work.appends)}`;
    const text = `{"store":"${this.id}","n":${this.changes}${made ? ',"made":true' : ""},"rows":[${rows.join()}]${said}${appended}}`;
    return this.#begin(
      new Commit(this, text, points, () => {
        for (const [table, key, entry] of undo.reverse()) table.set(key, entry);
        if (made) this.exists = false;
        this.changes = count;
        this.size = size;
        this.epoch++;
      }),
    );
  }

  /** Empties the store at once, and answers the line that says so. `points`: all that lead here. */
  erase(points: Array<[string, boolean]>): Commit {
    const before = [...this.tables];
    const { size, changes } = this;
    this.#empty();
    this.#wasErased = true;
    const text = `{"store":"${this.id}","erased":true,"rows":[],"points":${JSON.stringify(points)}}`;
    return this.#begin(
      new Commit(this, text, points, () => {
        this.tables.clear();
        for (const [name, table] of before) this.tables.set(name, table);
        this.exists = true;
        this.changes = changes;
        this.size = size;
        this.epoch++;
      }),
    );
  }

  /** The pointers that lead here; undefined if the store is older than its list of them. */
  get names(): readonly string[] | undefined {
    const keys = this.tables.get(NAMES)?.keys;
    return keys?.[0] === ALL ? keys.slice(1) : undefined;
  }

  /** Those that say when work is due here. */
  get dueNames(): readonly string[] {
    return (this.tables.get(NAMES)?.keys ?? []).filter(isDueKey);
  }

  #begin(commit: Commit): Commit {
    const { outcome } = commit;
    this.pending = outcome;
    void outcome.then(() => {
      if (this.pending === outcome) this.pending = undefined;
    });
    return commit;
  }

  #name(points: Change["points"] = [], made = false): Array<[table: Table, key: string, entry: Entry | undefined]> {
    if (points.length === 0 && !made) return [];
    const table = this.#table(NAMES);
    const rows = points.map(([key, leadsHere]): [Table, string, Entry | undefined] => [table, key, leadsHere ? NAMED : undefined]);
    return made ? [[table, ALL, NAMED], ...rows] : rows;
  }

  /** Makes the document durable, as of a moment at which nothing is pending. Answers whether it was written. */
  checkpoint(): Promise<boolean> {
    return this.#alone(() => this.#write());
  }

  /**
   * Puts aside what only the journal has of it before the line `before`, so that the journal need not wait for a document that can't be
   * written. Answers false for one that was erased: nothing of that may be kept. `lines`: those of the journal from a line on.
   * @throws {StorageError} `corrupt`, `full`, `failed`
   */
  setAside(before: number, lines: (first: number) => AsyncIterable<[sequence: number, line: string]>): Promise<boolean> {
    return this.#alone(async () => {
      const first = this.dirtyFrom;
      if (!this.exists || this.#wasErased) return false;
      if (first === undefined || first >= before) return true;
      const changes: Tail["changes"] = [];
      for await (const [sequence, line] of lines(first)) {
        if (sequence < first || sequence >= before || !line.includes(this.id)) continue;
        // What it appended to feeds is theirs, and may be taken out of them.
        const { appends: _, ...change } = JSON.parse(line) as Change;
        if (change.store === this.id) changes.push([sequence, change]);
      }
      if (changes.length > 0) await this.#late.write(this.id, changes);
      this.dirtyFrom = this.through >= before ? before : undefined;
      this.dirtySize = 0;
      return true;
    });
  }

  /** One at a time. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#checkpointing !== undefined) await this.#checkpointing.catch(() => {});
    const turn = work().finally(() => {
      this.#checkpointing = undefined;
    });
    this.#checkpointing = turn;
    return turn;
  }

  async #write(): Promise<boolean> {
    await this.gate.enter(true);
    let size = 0;
    let isGone = false;
    let wasErased = false;
    try {
      while (this.pending !== undefined) await this.pending;
      if (this.dirtyFrom === undefined) return false;
      isGone = !this.exists;
      wasErased = this.#wasErased;
      this.#wasErased = false;
      // Rows are replaced, never changed: the lists of now stay those of now while they are written.
      this.#document.data = {
        store: this.id,
        through: this.through,
        changes: this.changes,
        tables: Object.fromEntries([...this.tables].map(([name, table]) => [name, table.keys.map((key) => [key, table.get(key)])])),
      };
      this.#writingFrom = this.dirtyFrom;
      this.dirtyFrom = undefined;
      size = this.dirtySize;
      this.dirtySize = 0;
    } finally {
      this.gate.leave();
    }
    try {
      await (isGone ? this.#adapter.remove() : this.#document.write());
      await this.#late.clear(this.id, wasErased);
    } catch (error) {
      this.#wasErased ||= wasErased;
      this.dirtyFrom = this.#writingFrom;
      this.dirtySize += size;
      throw error;
    } finally {
      this.#writingFrom = undefined;
      this.#document.data = empty(this.id);
    }
    return !isGone;
  }

  async #load(tail: Tail | undefined, path: string, end: number): Promise<void> {
    const lines = tail?.changes ?? [];
    const [, first] = lines[0] ?? [];
    // Then the journal has all that there is to know.
    const isWhole = first?.made === true || first?.erased === true;
    const data = await this.#read(path, end).catch((error: unknown) => {
      if (isWhole && isCorrupt(error)) return empty(this.id);
      throw error;
    });
    this.exists = data.through > 0;
    this.through = data.through;
    this.changes = data.changes;
    const rows = Object.values(data.tables).reduce((sum, table) => sum + table.length, 0);
    // Of a large one the average would soon be far from what is left of it.
    const average = this.#adapter.size > WEIGHED ? undefined : Math.ceil(this.#adapter.size / Math.max(rows, 1));
    for (const [name, list] of Object.entries(data.tables)) {
      const table = this.#table(name);
      for (const [key, row] of list) this.#set(table, key, Entry.found(row, average ?? JSON.stringify(row).length));
    }
    const late = isWhole ? [] : await this.#late.read(this.id);
    for (const [sequence, change] of late) this.#replay(sequence, change, path);
    for (const [sequence, change] of lines) this.#replay(sequence, change, path);
    if (late.length > 0) this.dirtyFrom = end + 1;
    if (tail === undefined) return;
    // Even if the document has them: whoever wrote it may have died before it was durable.
    this.dirtyFrom = tail.first;
    this.dirtySize = tail.size;
  }

  async #read(path: string, end: number): Promise<Checkpoint> {
    try {
      await this.#document.read();
      const data = checked(this.#document.data, this.id, path);
      if (data.through > end) throw new StorageError("corrupt", `${path} is newer than the journal`);
      return data;
    } finally {
      this.#document.data = empty(this.id);
    }
  }

  #replay(sequence: number, change: Change, path: string): void {
    if (sequence <= this.through) return;
    if (change.erased) {
      this.#empty();
      this.#wasErased = true;
      this.through = sequence;
      return;
    }
    if (!this.exists && change.made !== true) throw new StorageError("corrupt", `${path} is missing`);
    this.changes++;
    if (change.n !== undefined && change.n !== this.changes)
      throw new StorageError("corrupt", `${path} has ${this.changes - 1} changes, and the next one that is known is the ${change.n}th`);
    this.exists = true;
    this.through = sequence;
    for (const [table, key, entry] of this.#name(change.points, change.made)) this.#set(table, key, entry);
    for (const [name, key, ...value] of change.rows)
      this.#set(this.#table(name), key, value.length === 0 ? undefined : Entry.found(value[0], JSON.stringify(value[0]).length));
  }

  #empty(): void {
    this.tables.clear();
    this.exists = false;
    this.changes = 0;
    this.size = STORE_OVERHEAD;
  }

  #table(name: string): Table {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = new Table();
      this.tables.set(name, table);
    }
    return table;
  }

  #set(table: Table, key: string, entry: Entry | undefined): Entry | undefined {
    const before = table.set(key, entry);
    if (entry !== undefined) this.size += weightOf(key, entry);
    if (before !== undefined) this.size -= weightOf(key, before);
    return before;
  }
}

const weightOf = (key: string, { size }: Entry): number => size + key.length + ROW_OVERHEAD;

type Undo = [table: Table, key: string, before: Entry | undefined];
