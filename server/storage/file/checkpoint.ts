import { Entry } from "./table.ts";

/** The lowdb document of a store: all its rows after the journal's line `through`, as an `Entry` where it is about to be written. Keys in order. */
export interface Checkpoint {
  store: string;
  through: number;
  tables: Record<string, Array<[key: string, row: unknown]>>;
}

export function empty(id: string): Checkpoint {
  return { store: id, through: 0, tables: {} };
}

/** As JSON.stringify would say it, but rows that are text already are taken as they are. */
export function textOf({ store, through, tables }: Checkpoint): string {
  const said = Object.entries(tables).map(([name, rows]) => {
    const list = rows.map(([key, row]) => `[${JSON.stringify(key)},${row instanceof Entry ? row.json : JSON.stringify(row)}]`);
    return `${JSON.stringify(name)}:[${list.join()}]`;
  });
  return `{"store":${JSON.stringify(store)},"through":${through},"tables":{${said.join()}}}`;
}
