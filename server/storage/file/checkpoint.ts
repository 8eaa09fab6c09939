import { StorageError } from "../storage.ts";
import { Entry } from "./table.ts";

/** The lowdb document of a store: all its rows after the journal's line `through`, as an `Entry` where it is about to be written. Keys in order. */
export interface Checkpoint {
  store: string;
  through: number;
  /** How many changes of the store are in here. */
  changes: number;
  tables: Record<string, Array<[key: string, row: unknown]>>;
}

export function empty(id: string): Checkpoint {
  return { store: id, through: 0, changes: 0, tables: {} };
}

/** As JSON.stringify would say it, but rows that are text already are taken as they are. */
export function textOf({ store, through, changes, tables }: Checkpoint): string {
  const said = Object.entries(tables).map(([name, rows]) => {
    const list = rows.map(([key, row]) => `[${JSON.stringify(key)},${row instanceof Entry ? row.json : JSON.stringify(row)}]`);
    return `${JSON.stringify(name)}:[${list.join()}]`;
  });
  return `{"store":${JSON.stringify(store)},"through":${through},"changes":${changes},"tables":{${said.join()}}}`;
}

/** A document of layout 1 does not count changes. @throws {StorageError} `corrupt`, if it is that of another store, or of something else */
export function checked(found: Checkpoint, id: string, path: string): Checkpoint {
  const { store, through, changes = 0, tables } = found as Partial<Checkpoint>;
  if (store !== id || typeof through !== "number" || typeof tables !== "object" || tables === null)
    throw new StorageError("corrupt", `${path} is not the document of this store`);
  return { store, through, changes, tables };
}
