import type { PackageRow } from "#protocol/move-package.ts";
import { fromOrdered, type GrantRow, type MoveRow, ordered, type Rows, type StandingRow, type StoreRow } from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";
import { attestationsOf } from "../store/attestations.ts";
import { leafAt } from "../store/leaves.ts";
import { clientView, openingOf } from "../store/views.ts";

/** A part ends after about this many characters, or so many rows. */
const PART = 1_000_000;
const ROWS = 4000;
const LINES = 500;
/** What comes with its body is too much for so many. */
const RECORDS = 100;
const MOST_COUNTED = 20_000;

/** In the order of the package. */
const TABLES = ["heads", "standings:consents", "standings", "records", "leaves", "gone", "refusals", "history"] as const;
type Table = (typeof TABLES)[number];

type Leaving = Extract<MoveRow, { state: "leaving" }>;

/** The rows behind `after`, of a store that is frozen: so parts that were read one after the other are of one moment. */
export async function partOf(
  store: StoreReader<Rows>,
  account: string,
  row: StoreRow & { readonly move: Leaving },
  after: string | null,
): Promise<{ rows: PackageRow[]; next: string | null }> {
  const rows: PackageRow[] = after === null ? [await firstRow(store, account, row)] : [];
  const [, from, key] = /^([a-z:]+)\|(.*)$/.exec(after ?? "heads|") ?? [];
  let size = 0;
  const at = TABLES.indexOf(from as Table);
  for (const table of TABLES.slice(at < 0 ? TABLES.length : at)) {
    let last = table === from && key !== "" ? key : undefined;
    for (let full = true; full; ) {
      const limit = table === "records" ? RECORDS : LINES;
      const keys = await keysOf(store, table, last, limit);
      full = keys.length === limit;
      for (const each of keys) {
        for (const made of await rowsOf(store, table, each)) {
          rows.push(made);
          size += JSON.stringify(made).length;
        }
        last = each;
        if (size > PART || rows.length >= ROWS) return { rows, next: `${table}|${each}` };
      }
    }
  }
  return { rows, next: null };
}

async function keysOf(store: StoreReader<Rows>, table: Table, after: string | undefined, limit: number): Promise<string[]> {
  const name = table === "standings:consents" ? "standings" : table;
  return (await store.list(name, { limit, ...(after === undefined ? {} : { after }) })).map(([key]) => key);
}

async function firstRow(store: StoreReader<Rows>, account: string, row: StoreRow & { readonly move: Leaving }): Promise<PackageRow> {
  const { ways, epochs, successions } = await openingOf(store);
  const seals = await store.list("seals", { limit: 40 });
  const statements = await store.list("statements", { limit: 100_000 });
  const { approval, to, living } = row.move;
  return {
    kind: "store",
    account,
    created: row.created,
    head: row.head,
    ways,
    // Where a passkey or a browser has its other half, nothing is left to do with them elsewhere.
    seals: seals.map(([id, { box, epoch, envelope, locator }]) => ({ id, box, epoch, envelope, ...(locator === null ? {} : { locator }) })),
    epochs,
    successions,
    position: (await store.get("counter", "position"))?.position ?? 0,
    grants: row.grants,
    approval,
    plan: {
      to,
      head: row.headHash,
      living: [...living],
      statements: Object.fromEntries(statements.map(([grant, { statement }]) => [grant, statement])),
    },
  };
}

async function rowsOf(store: StoreReader<Rows>, table: Table, key: string): Promise<PackageRow[]> {
  switch (table) {
    case "heads": {
      const row = await store.get("heads", key);
      return row === undefined ? [] : [{ kind: "head", head: row.head }];
    }
    case "standings:consents": {
      const rows = await store.list("consents", { prefix: `${key}/`, limit: 1000 });
      // A grant of a store from before has its only one in its row.
      const only = rows.length === 0 ? await store.get("grants", key) : undefined;
      const tokens = only === undefined ? rows.map(([, { token }]) => token) : [only.consent];
      return tokens.map((token) => ({ kind: "consent", grant: key, token }));
    }
    case "standings": {
      const [row, standing] = [await store.get("grants", key), await store.get("standings", key)];
      return row === undefined || standing === undefined ? [] : [await grantRow(store, key, row, standing)];
    }
    case "records": {
      const row = await store.get("records", key);
      return row === undefined ? [] : [{ kind: "record", path: key, version: row.version, epoch: row.epoch, body: row.body }];
    }
    case "leaves":
      return leafRow(store, key);
    case "gone": {
      const row = await store.get("gone", key);
      return row === undefined ? [] : [{ kind: "gone", grant: key.slice(0, 22), path: key.slice(23), version: row.version }];
    }
    case "refusals": {
      const row = await store.get("refusals", key);
      return row === undefined ? [] : [{ kind: "refusal", host: key, until: row.until }];
    }
    case "history":
      return lineRow(store, key);
  }
}

async function grantRow(store: StoreReader<Rows>, grant: string, row: GrantRow, standing: StandingRow): Promise<PackageRow> {
  const attestations = await attestationsOf(store, grant);
  const counted = await store.list("counted", { prefix: `${grant}/`, limit: MOST_COUNTED });
  const { fixed, deletion, line } = standing;
  return {
    kind: "grant",
    grant,
    number: row.number,
    client: clientView(row.vendor),
    grantKey: row.grantKey,
    given: row.given,
    pauseSecret: row.pauseSecret,
    refresh: row.refresh,
    position: standing.position,
    complete: standing.complete,
    paused: standing.paused,
    ended: standing.ended,
    deletion: deletion ?? null,
    attestations: attestations.map(([key, { token, key: jwk, received }]) => ({ token, key: jwk, received, jti: key.slice(35) })),
    reads: standing.reads,
    lastRead: standing.lastRead,
    line: line ?? null,
    fixed: fixed && { ...fixed, under: fixed.under ?? null },
    counted: counted.map(([key]) => {
      const [, at = "", position = ""] = key.split("/");
      return [fromOrdered(at), fromOrdered(position)];
    }),
  };
}

async function leafRow(store: StoreReader<Rows>, key: string): Promise<PackageRow[]> {
  const [, kind = "", path = ""] = /^[^/]*\/([^/]*)\/(.*)$/.exec(key) ?? [];
  if (kind !== "share" && kind !== "end") return [];
  const leaf = await leafAt(store, kind, path);
  if (leaf === undefined) return [];
  if (kind === "end") return [{ kind, grant: path, hash: leaf.hash }];
  const [grant, own] = [path.slice(0, 22), path.slice(23)];
  const share = leaf.share === undefined ? undefined : await store.get("shares", `${grant}/${ordered(leaf.share)}/${own}`);
  return [
    {
      kind,
      grant,
      path: own,
      version: leaf.version,
      hash: leaf.hash,
      body: share?.body ?? null,
      position: leaf.share ?? null,
      updated: share?.updated ?? 0,
    },
  ];
}

async function lineRow(store: StoreReader<Rows>, key: string): Promise<PackageRow[]> {
  const row = await store.get("history", key);
  if (row === undefined) return [];
  const position = fromOrdered(key);
  if ("like" in row)
    return [
      {
        kind: "line",
        position,
        at: row.at,
        type: "read",
        grant: null,
        number: row.number,
        paths: [],
        count: 0,
        by: null,
        like: row.like,
      },
    ];
  return [{ kind: "line", position, ...row, paths: [...row.paths], like: null }];
}
