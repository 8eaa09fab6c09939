import { assertDue, assertFeedName, assertLimit, assertPointerName, jsonOf } from "../shapes.ts";
import type { Bearings, FeedName, PointerKind, Range, StoreWriter } from "../storage.ts";
import type { Session, Statement } from "./session.ts";
import { stored, storedRange, storedWithin, unstored } from "./text-order.ts";

const GET: Statement = { name: "get", text: "SELECT value FROM store_rows WHERE store = $1 AND tab = $2 AND key = $3" };

const LIST: Statement = {
  name: "list",
  text: "SELECT key, value FROM store_rows WHERE store = $1 AND tab = $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT $5",
};

const LIST_ALL: Statement = {
  name: "list-all",
  text: "SELECT tab, key, value FROM store_rows WHERE store = $1 AND (tab, key) > ($2, $3) ORDER BY tab, key LIMIT $4",
};

const NAMES: Statement = { name: "names", text: "SELECT kind, name FROM store_names WHERE store = $1" };
const DUE: Statement = { name: "due", text: "SELECT due FROM stores WHERE id = $1" };

/** What an index holds of a key, beside the store's id and the table's name. */
const MOST_KEY = 2_000;

/** One piece of work on one store, within a transaction: what it changes is kept here until it is over. */
export class Work<Rows extends object> implements StoreWriter<Rows> {
  readonly #session: Session;
  readonly #store: string;
  readonly #opened: Promise<unknown>;
  /** By table, then by key: the row's text, null where it is deleted. */
  readonly rows = new Map<string, Map<string, string | null>>();
  /** By `kind/name`: whether the name leads here afterwards. */
  readonly points = new Map<string, boolean>();
  /** When work waits for the store afterwards; undefined: as before. */
  dueAt: number | null | undefined;
  readonly appends: Array<[feed: FeedName, json: string]> = [];
  #ended = false;

  /** `opened`: whether the store is there, and ours. Questions are sent before that is known; answers wait for it. */
  constructor(session: Session, store: string, opened: Promise<unknown>) {
    this.#session = session;
    this.#store = store;
    this.#opened = opened;
  }

  async get<T extends keyof Rows & string>(table: T, key: string): Promise<Rows[T] | undefined> {
    this.#assertGoing();
    const over = this.rows.get(table)?.get(key);
    if (over === undefined) {
      const [[value] = []] = await this.#ask<[string]>(GET, [table, stored(key)]);
      return value === undefined ? undefined : JSON.parse(value);
    }
    await this.#opened;
    return over === null ? undefined : JSON.parse(over);
  }

  async list<T extends keyof Rows & string>(table: T, { prefix = "", after, limit }: Range): Promise<Array<[key: string, row: Rows[T]]>> {
    this.#assertGoing();
    assertLimit(limit);
    const { from, below } = storedRange(prefix, after);
    const over = [...(this.rows.get(table) ?? [])].filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after));
    const rows = await this.#ask<[string, string]>(LIST, [table, from, below, limit + over.length]);
    const found = rows.map(([key, value]): [string, string] => [unstored(key), value]);
    return merged(found, over, compared)
      .slice(0, limit)
      .map(([key, value]) => [key, JSON.parse(value)]);
  }

  async listAll({
    after,
    limit,
  }: {
    after?: readonly [table: string, key: string];
    limit: number;
  }): Promise<Array<[table: string, key: string, row: unknown]>> {
    this.#assertGoing();
    assertLimit(limit);
    const over: Array<[Place, string | null]> = [];
    for (const [table, rows] of this.rows)
      for (const [key, value] of rows) if (after === undefined || comparedPlaces([table, key], after) > 0) over.push([[table, key], value]);
    const [table, key] = after ?? ["", ""];
    const rows = await this.#ask<[string, string, string]>(LIST_ALL, [table, stored(key), limit + over.length]);
    const found = rows.map(([at, name, value]): [Place, string] => [[at, unstored(name)], value]);
    return merged(found, over, comparedPlaces)
      .slice(0, limit)
      .map(([place, value]) => [...place, JSON.parse(value)]);
  }

  async bearings(): Promise<Bearings> {
    this.#assertGoing();
    const [rows, [[due] = [null]]] = await Promise.all([
      this.#ask<[kind: string, name: string]>(NAMES, []),
      this.#ask<[string | null]>(DUE, []),
    ]);
    const names = new Set(rows.map(([kind, name]) => `${kind}/${name}`));
    for (const [key, leadsHere] of this.points) {
      if (leadsHere) names.add(key);
      else names.delete(key);
    }
    return {
      names: [...names].sort().map((key) => key.split("/") as [PointerKind, string]),
      due: this.dueAt === undefined ? numberOrNull(due) : this.dueAt,
    };
  }

  put<T extends keyof Rows & string>(table: T, key: string, row: Rows[T]): void {
    this.#change(table, key, jsonOf(row, "a row"));
  }

  delete<T extends keyof Rows & string>(table: T, key: string): void {
    this.#change(table, key, null);
  }

  point(kind: PointerKind, name: string): void {
    this.#assertGoing();
    assertPointerName(name);
    this.points.set(`${kind}/${name}`, true);
  }

  unpoint(kind: PointerKind, name: string): void {
    this.#assertGoing();
    assertPointerName(name);
    this.points.set(`${kind}/${name}`, false);
  }

  due(at: number | null): void {
    this.#assertGoing();
    assertDue(at);
    this.dueAt = at;
  }

  append(feed: FeedName, entry: unknown): void {
    this.#assertGoing();
    assertFeedName(feed);
    this.appends.push([feed, jsonOf(entry, "an entry")]);
  }

  /** What is used after its work is over would be lost silently. */
  end(): void {
    this.#ended = true;
  }

  #change(table: string, key: string, value: string | null): void {
    this.#assertGoing();
    if (value !== null) storedWithin(key, MOST_KEY, "a key");
    const rows = this.rows.get(table) ?? new Map<string, string | null>();
    this.rows.set(table, rows);
    rows.set(key, value);
  }

  async #ask<Row extends unknown[]>(statement: Statement, values: unknown[]): Promise<Row[]> {
    const asked = this.#session.run<Row>(statement, [this.#store, ...values]);
    await this.#opened;
    return (await asked).rows;
  }

  #assertGoing(): void {
    if (this.#ended) throw new TypeError("this work is over: await everything inside it");
  }
}

type Place = readonly [table: string, key: string];

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));
const compared = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
const comparedPlaces = (one: Place, other: Place): number => compared(one[0], other[0]) || compared(one[1], other[1]);

/** What is stored, in order, and what lies over it; null takes one away. */
function merged<Key>(
  found: ReadonlyArray<[Key, string]>,
  over: ReadonlyArray<[Key, string | null]>,
  compare: (one: Key, other: Key) => number,
): Array<[Key, string]> {
  if (over.length === 0) return [...found];
  const changed = over.toSorted(([one], [other]) => compare(one, other));
  const all: Array<[Key, string]> = [];
  let at = 0;
  for (const row of found) {
    for (let next = changed[at]; next !== undefined && compare(next[0], row[0]) < 0; next = changed[++at]) keep(all, next);
    const same = changed[at];
    if (same === undefined || compare(same[0], row[0]) !== 0) all.push(row);
  }
  for (const next of changed.slice(at)) keep(all, next);
  return all;
}

function keep<Key>(all: Array<[Key, string]>, [key, value]: [Key, string | null]): void {
  if (value !== null) all.push([key, value]);
}
