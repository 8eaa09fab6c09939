import { StorageError } from "../storage.ts";
import type { Answer, Session, Statement } from "./session.ts";
import { stored, storedWithin } from "./text-order.ts";
import type { Work } from "./work.ts";

const PUT: Statement = {
  name: "put",
  text: `INSERT INTO store_rows (store, tab, key, value)
    SELECT $1, tab, key, value FROM unnest($2::text[], $3::text[], $4::text[]) AS put (tab, key, value)
    ON CONFLICT (store, tab, key) DO UPDATE SET value = excluded.value`,
};

const DELETE: Statement = {
  name: "delete",
  text: `DELETE FROM store_rows USING unnest($2::text[], $3::text[]) AS gone (tab, key)
    WHERE store_rows.store = $1 AND store_rows.tab = gone.tab AND store_rows.key = gone.key`,
};

/** In one order everywhere, so that two who want the same names wait for each other in turn. */
const POINT: Statement = {
  name: "point",
  text: `WITH wanted AS (SELECT kind, name FROM unnest($2::text[], $3::text[]) AS point (kind, name) ORDER BY kind, name),
    own AS (INSERT INTO store_names (store, kind, name) SELECT $1, kind, name FROM wanted ON CONFLICT DO NOTHING)
    INSERT INTO pointers (kind, name, store) SELECT kind, name, $1 FROM wanted
    ON CONFLICT (kind, name) DO UPDATE SET store = excluded.store WHERE pointers.store = excluded.store`,
};

const UNPOINT: Statement = {
  name: "unpoint",
  text: `WITH unwanted AS (SELECT kind, name FROM unnest($2::text[], $3::text[]) AS point (kind, name)),
    own AS (DELETE FROM store_names USING unwanted
      WHERE store_names.store = $1 AND store_names.kind = unwanted.kind AND store_names.name = unwanted.name)
    DELETE FROM pointers USING unwanted
    WHERE pointers.kind = unwanted.kind AND pointers.name = unwanted.name AND pointers.store = $1`,
};

const SET_DUE: Statement = { name: "set-due", text: "UPDATE stores SET due = $2 WHERE id = $1 AND due IS DISTINCT FROM $2" };

export const APPEND: Statement = {
  name: "append",
  text: `INSERT INTO feed_inbox (feed, entry)
    SELECT feed, entry FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS appended (feed, entry, at) ORDER BY at`,
};

/** What an index holds of a feed's name. */
const MOST_FEED = 2_600;

/** @throws {TypeError} */
export const feedKey = (feed: string): string => storedWithin(feed, MOST_FEED, "a feed's name");

const ERASE: readonly Statement[] = [
  {
    name: "erase-pointers",
    text: `DELETE FROM pointers USING store_names WHERE store_names.store = $1 AND pointers.kind = store_names.kind
      AND pointers.name = store_names.name AND pointers.store = $1`,
  },
  { name: "erase-names", text: "DELETE FROM store_names WHERE store = $1" },
  { name: "erase-rows", text: "DELETE FROM store_rows WHERE store = $1" },
  { name: "erase-store", text: "DELETE FROM stores WHERE id = $1" },
];

type Answers = Array<Promise<Answer<unknown[]>>>;

/** Sends everything that the work has changed, in a few statements. None: it has changed nothing. */
export async function write(session: Session, store: string, work: Work<object>): Promise<Answers> {
  const sent: Answers = [];
  const send = (statement: Statement, values: unknown[]) => void sent.push(session.run(statement, values));
  const puts: [string[], string[], string[]] = [[], [], []];
  const deletes: [string[], string[]] = [[], []];
  for (const [table, rows] of work.rows)
    for (const [key, value] of rows) {
      const into = value === null ? deletes : puts;
      into[0].push(table);
      into[1].push(stored(key));
      if (value !== null) puts[2].push(value);
    }
  if (puts[0].length > 0) send(PUT, [store, ...puts]);
  if (deletes[0].length > 0) send(DELETE, [store, ...deletes]);
  if (work.dueAt !== undefined) send(SET_DUE, [store, work.dueAt]);
  if (work.appends.length > 0) send(APPEND, [work.appends.map(([feed]) => feedKey(feed)), work.appends.map(([, json]) => json)]);
  const points = (leadsHere: boolean) => [...work.points].filter(([, leads]) => leads === leadsHere).map(([key]) => key.split("/"));
  const columns = (keys: string[][]) => [keys.map(([kind]) => kind), keys.map(([, name]) => name)];
  const [gone, wanted] = [points(false), points(true)];
  if (gone.length > 0) send(UNPOINT, [store, ...columns(gone)]);
  if (wanted.length > 0) {
    const pointed = session.run(POINT, [store, ...columns(wanted)]);
    sent.push(pointed);
    if ((await pointed).rowCount < wanted.length) throw new StorageError("taken", "a name leads to another store");
  }
  return sent;
}

/** Sends what takes away everything of the store. */
export const sendErasure = (session: Session, store: string): Answers => ERASE.map((statement) => session.run(statement, [store]));
