import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { RATES } from "../../server/configuration/config.ts";
import { readCursor } from "../../server/endpoints/bulk-cursor.ts";
import { bulkLines, PACE } from "../../server/endpoints/bulk-lines.ts";
import { type GrantRow, ordered, type Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { StoragePlace } from "../../server/storage/place.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { nextWindow } from "../../server/store/change-window.ts";
import { changesFeedOf, holdBack, noteChange } from "../../server/store/changes.ts";
import { compact, KEEPING } from "../../server/store/compaction.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { silentLog } from "../support/system.ts";
import { Holding, linesOf } from "./bulk-reader.ts";

const CLIENT = "https://shop.example/client.json";
const FEED = changesFeedOf(CLIENT);
const LIFE = "the-life";
const GRANTS = 12;
const EACH = 10;
const PATHS = 3;
const WRITERS = 4;
const READERS = 3;

const row = {
  number: 1,
  vendor: { clientId: CLIENT },
  consent: "a.b.c",
  grantKey: "a.b.c.d.e",
  details: [],
  given: 0,
  expires: Number.MAX_SAFE_INTEGER,
  objects: [{ read: true, expires: Number.MAX_SAFE_INTEGER, frequency: null }],
} as unknown as GrantRow;

interface Known {
  readonly account: string;
  readonly grant: string;
}

/** What a commit does to one grant's share, or a pause and its end. */
const share = (storage: Storage<Rows>, { account, grant }: Known, path: string, body: string): Promise<void> =>
  storage.change(account, async (store) => {
    const standing = (await store.get("standings", grant)) as Rows["standings"];
    const place = standing.position + 1;
    const rows = await store.list("shares", { prefix: `${grant}/`, limit: 1000 });
    const before = rows.find(([, each]) => each.path === path);
    if (before !== undefined) store.delete("shares", before[0]);
    const version = (before?.[1].version ?? 0) + 1;
    store.put("shares", `${grant}/${ordered(place)}/${path}`, { path, version, body, updated: 0, objects: 1 });
    store.put("standings", grant, { ...standing, position: place });
    if (standing.paused !== null) await holdBack(store, grant, { from: place - 1, until: null });
    else await noteChange(store, grant, row, { at: 0, from: place - 1 });
  });

const pause = (storage: Storage<Rows>, { account, grant }: Known, paused: Rows["standings"]["paused"]): Promise<void> =>
  storage.change(account, async (store) => {
    const standing = (await store.get("standings", grant)) as Rows["standings"];
    store.put("standings", grant, { ...standing, paused });
    await noteChange(store, grant, row, { at: 0 });
  });

async function make(storage: Storage<Rows>): Promise<Known> {
  const [account, grant] = [randomBytes(16).toString("base64url"), randomBytes(16).toString("base64url")];
  const standing: Rows["standings"] = { position: 0, complete: true, paused: null, ended: null, reads: 0, lastRead: null, fixed: null };
  await storage.create(account, async (store) => {
    store.put("grants", grant, row);
    store.put("standings", grant, standing);
    store.point("grant", grant);
    await noteChange(store, grant, row, { at: 0, from: 0 });
  });
  return { account, grant };
}

/** One answer, cut somewhere. Answers whether there is more. */
async function read(storage: Storage<Rows>, holding: Holding, { cut }: { cut: number }): Promise<boolean> {
  const start = readCursor(holding.cursor, LIFE);
  const bulk = {
    storage,
    log: silentLog,
    now: () => 1,
    rates: { ...RATES, pulls: 1_000_000 },
    reader: { clientId: CLIENT, jkt: "key" },
    size: { shares: 2, characters: 1000 },
    note: () => {},
    feed: FEED,
    life: LIFE,
    pace: { ...PACE, ahead: 4, together: 1, window: 5 },
    faultOf: (error: unknown) => {
      throw error;
    },
    keep: async () => {},
    isOver: () => false,
  };
  let text = "";
  for await (const piece of bulkLines(bulk, start, await nextWindow(storage, FEED, start, 5))) {
    text += piece;
    if (text.length > cut) break;
  }
  const lines = linesOf(text);
  holding.cursor = holding.take(lines) ?? holding.cursor;
  const last = lines.at(-1);
  return last?.type !== "cursor" || last.more;
}

/** Two engines over the same data, as two processes have them; where only one may, the same twice. */
async function processes(kind: StoragePlace["kind"]): Promise<{ all: Array<Storage<Rows>>; close(): Promise<void> }> {
  const folder = await scratchFolder();
  const place: StoragePlace =
    kind === "embedded" ? { kind, folder: folder.path } : { kind, url: await (await sharedPostgres()).database() };
  const opened = [await openStorage<Rows>(place), ...(kind === "embedded" ? [] : [await openStorage<Rows>(place)])];
  return {
    all: [opened[0] as Storage<Rows>, opened.at(-1) as Storage<Rows>],
    async close() {
      await Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe.each(["embedded", "postgres"] as const)("on the engine %s", (kind) => {
  const closing: Array<() => Promise<void>> = [];
  afterAll(async () => {
    for (const close of closing) await close();
  });

  test("many write, many read and are cut, and the feed is compacted under them: each ends with all that there is", async () => {
    const { all, close } = await processes(kind);
    closing.push(close);
    const [one, other] = all as [Storage<Rows>, Storage<Rows>];
    const grants = await Promise.all(Array.from({ length: GRANTS }, () => make(one)));
    const readers = Array.from({ length: READERS }, () => new Holding());
    let writing = true;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let n = 0; n < EACH * (GRANTS / WRITERS); n++) {
        const grant = grants[(n * 7 + writer * 3) % GRANTS] as Known;
        const storage = n % 2 === 0 ? one : other;
        await share(storage, grant, `profile/emails/e${n % PATHS}`, `${writer}-${n}`.padEnd(40, "x"));
        if (n % 11 === writer) await pause(storage, grant, { position: 1, at: 0 });
        if (n % 11 === writer + 4) await pause(other, grants[((n - 4) * 7 + writer * 3) % GRANTS] as Known, null);
      }
    });
    const reading = readers.map(async (reader, index) => {
      for (let turn = 1; writing; turn++) {
        await read(index % 2 === 0 ? one : other, reader, { cut: (turn * 337 * (index + 1)) % 4000 });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const compacting = (async () => {
      while (writing) {
        await compact(one, FEED, 1, { ...KEEPING, age: 0, grants: 5 });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await Promise.all(writers);
    for (const grant of grants) await pause(one, grant, null);
    writing = false;
    await Promise.all([...reading, compacting]);
    for (const [index, reader] of readers.entries())
      for (let more = true; more; ) more = await read(index % 2 === 0 ? other : one, reader, { cut: Number.POSITIVE_INFINITY });

    for (const { account, grant } of grants) {
      const rows = await one.read(account, (store) => store.list("shares", { prefix: `${grant}/`, limit: 1000 }));
      const whole = new Map(rows.map(([, { path, version, body }]) => [path, { version, body }]));
      for (const reader of readers) expect(reader.grants.get(grant)).toMatchObject({ state: "active", records: whole });
      const { reads, history } = await one.read(account, async (store) => ({
        reads: (await store.get("standings", grant))?.reads,
        history: await store.list("history", { limit: 100_000 }),
      }));
      expect(history.length, "each read is in the history").toBe(reads);
    }
  });
});
