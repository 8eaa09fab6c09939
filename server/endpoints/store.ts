import type { GrantView, ReplyOf } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import { instant } from "../digest.ts";
import { requireSession } from "../guards/session.ts";
import type { Life } from "../life.ts";
import { fromOrdered, LAST, ordered, type Rows, type StoreRow } from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";
import { positionOf } from "../store/history.ts";
import { lastRestore } from "../store/last-restore.ts";
import { leafAt } from "../store/leaves.ts";
import { requireThisLife } from "../store/positions.ts";
import { grantView, historyEntry, openingOf, passkeyView } from "../store/views.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

type Sync = ReplyOf<"store">;
type Page = Pick<Sync, "records" | "shares" | "dropped" | "ends" | "grants" | "history" | "position" | "more">;

/** A page ends after about this many characters of rows. */
const PAGE = 1_000_000;
const LINES = 500;
/** What comes with its body is too much for so many. */
const RECORDS = 100;
/** More rows than one commit can change. */
const ROWS = 7000;

/** What a device needs to be up to date: everything, or what changed since it last asked. */
export const storeReading: Endpoints<"store"> = {
  async store({ storage, outbox, life, now: clock }, call) {
    const caller = signedIn(call);
    const now = clock();
    const { since, after, seq } = call.query;
    if (since !== undefined && after !== undefined)
      throw new Refusal("invalid_input", "Read on by since or by after, not both.", { pointer: "/after" });
    return storage.read(caller.account, async (store) => {
      await requireSession(store, caller, now);
      const row = await store.get("store", "store");
      const reading: Reading = { store, now, health: onceEach((clientId) => outbox.health(clientId)) };
      const page = since === undefined ? await wholePage(reading, after) : await changesSince(reading, numberOf(since, "since"));
      const heads = seq === undefined ? [] : await store.list("heads", { after: ordered(numberOf(seq, "seq")), limit: 1000 });
      return {
        account: caller.account,
        ...page,
        ...(await openingOf(store)),
        heads: heads.map(([, { head }]) => head),
        passkeys: (await store.list("passkeys", { limit: 40 })).map(([way, passkey]) => passkeyView(way, passkey)),
        created: instant(row?.created ?? 0),
        erasing: row?.erasing === undefined ? null : instant(row.erasing),
        moving: row?.move?.state === "leaving" ? { to: row.move.to, until: instant(row.move.until) } : null,
        arriving: row?.move?.state === "arriving" ? { from: row.move.from } : null,
        restored: restoredOf(life, row),
      };
    });
  },
};

/** What its customer has to know of it: one that began since then lost nothing. */
function restoredOf(life: Life, row: StoreRow | undefined): Sync["restored"] {
  const restored = lastRestore(life, row);
  return restored === null ? null : { at: instant(restored.at), from: restored.from === null ? null : instant(restored.from) };
}

/** One answer's look at the store, and at what else its grants' views tell. */
interface Reading {
  readonly store: StoreReader<Rows>;
  readonly now: number;
  readonly health: (clientId: string) => Promise<GrantView["stream"]>;
}

/** A vendor with many grants of one customer is asked for once. */
function onceEach<Result>(ask: (name: string) => Promise<Result>): (name: string) => Promise<Result> {
  const asked = new Map<string, Promise<Result>>();
  return (name) => {
    const known = asked.get(name) ?? ask(name);
    asked.set(name, known);
    return known;
  };
}

function numberOf(text: string, name: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Refusal("invalid_input", "A number is expected here.", { pointer: `/${name}` });
  return Number(text);
}

const empty = (): Page => ({ records: [], shares: [], dropped: [], ends: [], grants: [], history: [], position: 0, more: null });

const TABLES = ["records", "leaves", "standings", "history"] as const;
type Table = (typeof TABLES)[number];

/** One page of everything, as of the position at which its first page began or newer. */
async function wholePage(reading: Reading, cursor: string | undefined): Promise<Page> {
  const { store } = reading;
  const parts = /^(\d{1,15})\.(records|leaves|standings|history)\.([A-Za-z0-9/_:-]{1,250})$/.exec(cursor ?? "");
  if (cursor !== undefined && parts === null) throw new Refusal("invalid_input", "This is no page of a reading.", { pointer: "/after" });
  const page = empty();
  page.position = parts === null ? await positionOf(store) : Number(parts[1]);
  let spent = 0;
  for (const table of TABLES.slice(parts === null ? 0 : TABLES.indexOf(parts[2] as Table))) {
    let after = table === parts?.[2] ? parts[3] : undefined;
    for (let full = true; full; ) {
      const limit = table === "records" ? RECORDS : LINES;
      const rows = await store.list(table, { limit, ...(after === undefined ? {} : { after }) });
      full = rows.length === limit;
      for (const [key] of rows) {
        spent += await add(reading, page, table, key);
        after = key;
        if (spent > PAGE) return { ...page, more: `${page.position}.${table}.${key}` };
      }
    }
  }
  return page;
}

/** Adds one row and answers about how long it is. */
async function add(reading: Reading, page: Page, table: Table, key: string): Promise<number> {
  const { store } = reading;
  if (table === "records") return addRecord(store, page, key);
  if (table === "standings") return addGrant(reading, page, key);
  if (table === "history") return addLine(store, page, key);
  const [, kind = "", path = ""] = /^[^/]*\/([^/]*)\/(.*)$/.exec(key) ?? [];
  return kind === "share" || kind === "end" ? addChanged(store, page, kind, path) : 0;
}

async function addRecord(store: StoreReader<Rows>, page: Page, path: string): Promise<number> {
  const row = await store.get("records", path);
  if (row === undefined) return 0;
  page.records.push({ path, ...row });
  return row.body.length + 100;
}

async function addLine(store: StoreReader<Rows>, page: Page, key: string): Promise<number> {
  const row = await store.get("history", key);
  if (row === undefined) return 0;
  const line = await historyEntry(store, key, row);
  page.history.push(line);
  return line.paths.reduce((size, path) => size + path.length + 3, 250);
}

async function addGrant(reading: Reading, page: Page, grant: string): Promise<number> {
  const { store } = reading;
  const [row, standing] = [await store.get("grants", grant), await store.get("standings", grant)];
  if (row === undefined || standing === undefined) return 0;
  const view = await grantView(store, grant, { row, standing }, reading);
  page.grants.push(view);
  return (view.deletion?.attestations ?? []).reduce((size, { token }) => size + token.length + 500, view.consent.length + 3000);
}

/** Adds what a line of the feed names. */
async function addChanged(store: StoreReader<Rows>, page: Page, kind: string, path: string): Promise<number> {
  if (kind === "record") return addRecord(store, page, path);
  if (kind === "dropped") {
    page.dropped.push(path);
    return 150;
  }
  if (kind !== "share" && kind !== "end") return 0;
  const leaf = await leafAt(store, kind, path);
  if (leaf === undefined) return 0;
  if (kind === "share") page.shares.push({ grant: path.slice(0, 22), path: path.slice(23), version: leaf.version, hash: leaf.hash });
  else page.ends.push({ grant: path, hash: leaf.hash });
  return 200;
}

/** What changed after `since`: costs what changed, not what there is. A page ends between two commits. */
async function changesSince(reading: Reading, since: number): Promise<Page> {
  const { store } = reading;
  const position = await positionOf(store);
  requireThisLife(since, position, "This store was never there. Read all of it again.");
  const page = empty();
  const lines = await store.list("history", { after: ordered(since), limit: LINES + 1 });
  let through = lines.length > LINES ? fromOrdered((lines[LINES - 1] as (typeof lines)[number])[0]) : position;
  const grants = new Set<string>();
  let spent = 0;
  let last = since;
  for (const [key] of await store.list("feed", { after: `${ordered(since)}/${LAST}`, limit: ROWS })) {
    const [, at = "", kind = "", path = ""] = /^([^/]*)\/([^/]*)\/(.*)$/.exec(key) ?? [];
    const changed = fromOrdered(at);
    if (changed > through) break;
    if (changed !== last && spent > PAGE) {
      through = changed - 1;
      break;
    }
    last = changed;
    if (kind === "grant" || kind === "consent") grants.add(path);
    else spent += await addChanged(store, page, kind, path);
  }
  for (const [key, row] of lines) if (fromOrdered(key) <= through) page.history.push(await historyEntry(store, key, row));
  for (const { grant } of page.history) if (grant !== null) grants.add(grant);
  for (const grant of grants) await addGrant(reading, page, grant);
  return { ...page, position: through, more: through < position ? String(through) : null };
}
