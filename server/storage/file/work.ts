import type { FeedName, PointerKind, Range, StoreWriter } from "../storage.ts";
import { type Appends, assertFeedName, entryJson } from "./appends.ts";
import { pointerKey } from "./pointers.ts";
import { Entry, listRows, type Table } from "./table.ts";

/** A row as changed: undefined deletes it. `json` is what the journal says. */
interface Changed {
  entry: Entry | undefined;
  json: string;
}

/** One piece of work on one store: what it changes lies over the store until it is committed. */
export class Work<Rows extends object> implements StoreWriter<Rows> {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #over = new Map<string, Map<string, Changed>>();
  /** By pointer key: whether the name leads here afterwards. */
  readonly points = new Map<string, boolean>();
  /** When work waits for the store afterwards; undefined: as before. */
  dueAt: number | null | undefined;
  /** Entries for feeds; undefined: none. */
  appends: Appends | undefined;
  #ended = false;

  constructor(tables: ReadonlyMap<string, Table>) {
    this.#tables = tables;
  }

  async get<T extends keyof Rows & string>(table: T, key: string): Promise<Rows[T] | undefined> {
    this.#assertGoing();
    const changed = this.#over.get(table)?.get(key);
    const entry = changed === undefined ? this.#tables.get(table)?.get(key) : changed.entry;
    return entry?.handOut() as Rows[T] | undefined;
  }

  async list<T extends keyof Rows & string>(table: T, range: Range): Promise<Array<[key: string, row: Rows[T]]>> {
    this.#assertGoing();
    const changed = this.#over.get(table);
    const over = changed && new Map([...changed].map(([key, { entry }]) => [key, entry]));
    return listRows(this.#tables.get(table), over, range) as Array<[string, Rows[T]]>;
  }

  put<T extends keyof Rows & string>(table: T, key: string, row: Rows[T]): void {
    const json = JSON.stringify(row) as string | undefined;
    if (json === undefined) throw new TypeError("a row is JSON");
    // Kept as its text: ours alone, and just what a restart would read.
    this.#change(table, key, { entry: Entry.written(json), json });
  }

  delete<T extends keyof Rows & string>(table: T, key: string): void {
    this.#change(table, key, { entry: undefined, json: "" });
  }

  point(kind: PointerKind, name: string): void {
    this.#assertGoing();
    this.points.set(pointerKey(kind, name), true);
  }

  unpoint(kind: PointerKind, name: string): void {
    this.#assertGoing();
    this.points.set(pointerKey(kind, name), false);
  }

  due(at: number | null): void {
    this.#assertGoing();
    if (at !== null && !(Number.isSafeInteger(at) && at >= 0)) throw new TypeError("due: epoch milliseconds");
    this.dueAt = at;
  }

  append(feed: FeedName, entry: unknown): void {
    this.#assertGoing();
    assertFeedName(feed);
    this.appends ??= [];
    this.appends.push([feed, entryJson(entry)]);
  }

  /** What is used after its work is over would be lost silently. */
  end(): void {
    this.#ended = true;
  }

  *changes(): Generator<[table: string, key: string, changed: Changed]> {
    for (const [table, rows] of this.#over) for (const [key, changed] of rows) yield [table, key, changed];
  }

  #change(table: string, key: string, changed: Changed): void {
    this.#assertGoing();
    let rows = this.#over.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#over.set(table, rows);
    }
    if (changed.entry === undefined && this.#tables.get(table)?.get(key) === undefined) rows.delete(key);
    else rows.set(key, changed);
  }

  #assertGoing(): void {
    if (this.#ended) throw new TypeError("this work is over: await everything inside it");
  }
}
