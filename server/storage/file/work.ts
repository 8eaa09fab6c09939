import { assertFeedName, jsonOf } from "../shapes.ts";
import type { Bearings, FeedName, PointerKind, Range, StoreWriter } from "../storage.ts";
import type { Appends } from "./appends.ts";
import { bearingsOf, dueKey, isDueKey } from "./due.ts";
import { pointerKey } from "./pointers.ts";
import { Entry, listRows, listTables, type Table } from "./table.ts";

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
  readonly #namesNow: () => Promise<readonly string[]>;
  #ended = false;

  /** `namesNow`: pointer keys that lead here. */
  constructor(tables: ReadonlyMap<string, Table>, namesNow: () => Promise<readonly string[]>) {
    this.#tables = tables;
    this.#namesNow = namesNow;
  }

  async get<T extends keyof Rows & string>(table: T, key: string): Promise<Rows[T] | undefined> {
    this.#assertGoing();
    const changed = this.#over.get(table)?.get(key);
    const entry = changed === undefined ? this.#tables.get(table)?.get(key) : changed.entry;
    return entry?.handOut() as Rows[T] | undefined;
  }

  async list<T extends keyof Rows & string>(table: T, range: Range): Promise<Array<[key: string, row: Rows[T]]>> {
    this.#assertGoing();
    return listRows(this.#tables.get(table), this.#overOf(table), range) as Array<[string, Rows[T]]>;
  }

  async listAll(range: { after?: readonly [table: string, key: string]; limit: number }): Promise<Array<[string, string, unknown]>> {
    this.#assertGoing();
    return listTables(this.#tables, [...this.#over.keys()], (table) => this.#overOf(table), range);
  }

  async bearings(): Promise<Bearings> {
    this.#assertGoing();
    const names = new Set(await this.#namesNow());
    for (const [key, leadsHere] of this.points) {
      if (leadsHere) names.add(key);
      else names.delete(key);
    }
    if (this.dueAt === undefined) return bearingsOf(names);
    for (const key of names) if (isDueKey(key)) names.delete(key);
    if (this.dueAt !== null) names.add(dueKey(this.dueAt, ""));
    return bearingsOf(names);
  }

  put<T extends keyof Rows & string>(table: T, key: string, row: Rows[T]): void {
    const json = jsonOf(row, "a row");
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
    this.appends.push([feed, jsonOf(entry, "an entry")]);
  }

  /** What is used after its work is over would be lost silently. */
  end(): void {
    this.#ended = true;
  }

  *changes(): Generator<[table: string, key: string, changed: Changed]> {
    for (const [table, rows] of this.#over) for (const [key, changed] of rows) yield [table, key, changed];
  }

  #overOf(table: string): Map<string, Entry | undefined> | undefined {
    const changed = this.#over.get(table);
    return changed && new Map([...changed].map(([key, { entry }]) => [key, entry]));
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
