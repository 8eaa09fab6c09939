import { assertLimit } from "../shapes.ts";
import type { Range } from "../storage.ts";

/** A table of the engine's own: the pointers that lead to the store, so that they can be found when it is erased. */
export const NAMES = ".names";

/**
 * A row as it is kept: never changed, only replaced. What was written stays text until it is asked for, since most of a
 * store's history never is; what was asked for is an object, frozen when first handed out.
 */
export class Entry {
  /** Length of its JSON, or about that. */
  readonly size: number;
  #json: string | undefined;
  #row: unknown;
  #frozen = false;

  private constructor(size: number, json: string | undefined, row: unknown) {
    this.size = size;
    this.#json = json;
    this.#row = row;
  }

  static written(json: string): Entry {
    return new Entry(json.length, json, undefined);
  }

  static found(row: unknown, size: number): Entry {
    return new Entry(size, undefined, row);
  }

  get json(): string {
    return this.#json ?? JSON.stringify(this.#row);
  }

  handOut(): unknown {
    if (this.#json !== undefined) {
      this.#row = JSON.parse(this.#json);
      this.#json = undefined;
    }
    if (!this.#frozen) {
      deepFreeze(this.#row);
      this.#frozen = true;
    }
    return this.#row;
  }
}

/** Rows by key, and the keys in order, so that a list costs what it answers. */
export class Table {
  readonly entries = new Map<string, Entry>();
  readonly #keys: string[] = [];

  get(key: string): Entry | undefined {
    return this.entries.get(key);
  }

  /** Answers what was there. */
  set(key: string, entry: Entry | undefined): Entry | undefined {
    const before = this.entries.get(key);
    if (entry === undefined) {
      if (before !== undefined) {
        this.entries.delete(key);
        this.#keys.splice(lowerBound(this.#keys, key), 1);
      }
    } else {
      this.entries.set(key, entry);
      if (before === undefined) this.#insert(key);
    }
    return before;
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  #insert(key: string): void {
    const last = this.#keys.at(-1);
    if (last === undefined || last < key) this.#keys.push(key);
    else this.#keys.splice(lowerBound(this.#keys, key), 0, key);
  }
}

/** The rows of a range, where `over` (undefined: deleted) lies over the table. */
export function listRows(
  table: Table | undefined,
  over: ReadonlyMap<string, Entry | undefined> | undefined,
  range: Range,
): Array<[string, unknown]> {
  const { prefix = "", after, limit } = range;
  assertLimit(limit);
  const keys = table?.keys ?? [];
  const overKeys = over === undefined ? [] : [...over.keys()].sort(byCodeUnit);
  const start = (list: readonly string[]) => (after !== undefined && after >= prefix ? upperBound(list, after) : lowerBound(list, prefix));
  let at = start(keys);
  let overAt = start(overKeys);
  const rows: Array<[string, unknown]> = [];
  while (rows.length < limit) {
    const below = keys[at];
    const above = overKeys[overAt];
    const key = below === undefined || (above !== undefined && above < below) ? above : below;
    if (key === undefined || !key.startsWith(prefix)) break;
    if (key === below) at++;
    if (key === above) overAt++;
    const entry = key === above ? over?.get(key) : table?.get(key);
    if (entry !== undefined) rows.push([key, entry.handOut()]);
  }
  return rows;
}

/** Rows of all tables that are not the engine's own, where `overOf` (undefined: deleted) lies over each. */
export function listTables(
  tables: ReadonlyMap<string, Table>,
  overNames: readonly string[],
  overOf: (table: string) => ReadonlyMap<string, Entry | undefined> | undefined,
  { after, limit }: { after?: readonly [table: string, key: string]; limit: number },
): Array<[table: string, key: string, row: unknown]> {
  assertLimit(limit);
  const rows: Array<[string, string, unknown]> = [];
  for (const name of [...new Set([...tables.keys(), ...overNames])].sort()) {
    if (name === NAMES || (after !== undefined && name < after[0])) continue;
    if (rows.length === limit) break;
    const range = { limit: limit - rows.length, ...(after?.[0] === name && { after: after[1] }) };
    for (const [key, row] of listRows(tables.get(name), overOf(name), range)) rows.push([name, key, row]);
  }
  return rows;
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}

export function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  for (let high = keys.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(keys: readonly string[], key: string): number {
  const at = lowerBound(keys, key);
  return keys[at] === key ? at + 1 : at;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
