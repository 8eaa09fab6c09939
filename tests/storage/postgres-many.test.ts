import pg from "pg";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { openPostgresStorage, type PostgresOptions } from "../../server/storage/postgres/open.ts";
import type { FeedName, Storage } from "../../server/storage/storage.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";
import { range, storeId, type ToyRows } from "./contract.ts";

const feed: FeedName = "changes/vendor";
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Each instance stands for a process: they share the database and nothing else. */
describe("many processes on one database", () => {
  const opened: Array<Storage<ToyRows>> = [];
  let url: string;
  beforeAll(async () => {
    url = await (await sharedPostgres()).database();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each[Symbol.asyncDispose]()));
  });
  const open = async (options: Partial<PostgresOptions> = {}) => {
    const storage = await openPostgresStorage<ToyRows>({ url, ...options });
    opened.push(storage);
    return storage;
  };
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client.query(text).finally(() => client.end());
  };

  test("a feed that many write and many read: nothing skipped, nothing twice, positions in order, each store's in its order", async () => {
    // One is far from its database: what its transactions have added becomes visible long after it has got its number.
    await using far = await tcpProxy(Number(new URL(url).port));
    const processes = [await open(), await open({ url: url.replace(/:\d+\//, `:${far.port}/`) })];
    far.delay(3);
    const stores = range(4).map((n) => storeId(`writer${n}`));
    for (const id of stores) await processes[0]?.create(id, async (store) => store.put("sums", "n", { total: 0 }));
    const each = 40;
    const total = stores.length * each;
    const writing = stores.map(async (id, writer) => {
      // Several at once for each store, by turns in both processes; some hold their transaction open for a while.
      await Promise.all(
        range(each).map((n) =>
          (processes[n % 2] as Storage<ToyRows>).change(id, async (store) => {
            const { total: before } = (await store.get("sums", "n")) as { total: number };
            store.put("sums", "n", { total: before + 1 });
            store.append(feed, { writer, n: before + 1 });
            // A name is answered for before the transaction is over.
            if (n % 2 === 1) store.point("grant", `${writer}-${n}`);
          }),
        ),
      );
    });
    const reading = range(10).map(async (reader) => {
      const storage = processes[reader % 2] as Storage<ToyRows>;
      const seen: Array<[number, { writer: number; n: number }]> = [];
      while (seen.length < total) {
        const page = await storage.readFeed(feed, { after: seen.at(-1)?.[0] ?? 0, limit: 1 + reader * 5 });
        seen.push(...(page as typeof seen));
      }
      return seen;
    });
    await Promise.all(writing);
    const [first, ...others] = await Promise.all(reading);
    expect(first?.map(([position]) => position)).toEqual(range(total).map((n) => n + 1));
    for (const other of others) expect(other).toEqual(first);
    for (const writer of range(stores.length))
      expect(first?.filter(([, entry]) => entry.writer === writer).map(([, { n }]) => n)).toEqual(range(each).map((n) => n + 1));
    expect(await processes[0]?.readFeed(feed, { after: total, limit: 9 })).toEqual([]);
    await Promise.all(opened.splice(0).map((each) => each[Symbol.asyncDispose]()));
  });

  test("one change at a time for each store, one holder, one taker, one user, one count", async () => {
    const clock = { now: 1_800_000_000_000 };
    const processes = [await open({ now: () => clock.now }), await open({ now: () => clock.now })];
    const [one, other] = processes as [Storage<ToyRows>, Storage<ToyRows>];
    const id = storeId("shared");
    await one.create(id, async (store) => store.put("sums", "n", { total: 0 }));
    const eight = <Result>(work: (storage: Storage<ToyRows>) => Promise<Result>): Promise<Result[]> =>
      Promise.all(range(16).map((n) => work(n % 2 === 0 ? one : other)));
    await eight((storage) =>
      storage.change(id, async (store) => {
        const { total } = (await store.get("sums", "n")) as { total: number };
        await sleep(1);
        store.put("sums", "n", { total: total + 1 });
      }),
    );
    expect(await other.read(id, (store) => store.get("sums", "n"))).toEqual({ total: 16 });
    await eight((storage) => storage.changeDocument<{ n: number }>("settings", (value) => ({ n: (value?.n ?? 0) + 1 })));
    expect(await one.getDocument("settings")).toEqual({ n: 16 });
    const made = await Promise.allSettled([one, other].map((storage) => storage.create(storeId("both"), async () => {})));
    expect(made.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await one.putTicket("code", "t", "value", clock.now + 60_000);
    expect((await eight((storage) => storage.takeTicket("code", "t"))).filter((value) => value !== undefined)).toEqual(["value"]);
    expect((await eight((storage) => storage.once("jti", "k", clock.now + 60_000))).filter(Boolean)).toHaveLength(1);
    const counted = await eight((storage) => storage.count("k", 10_000));
    expect(counted.map(({ count }) => count).sort((a, b) => a - b)).toEqual(range(16).map((n) => n + 1));
    let holder = 0;
    expect((await eight((storage) => storage.hold("sweep", `holder${holder++}`, 10_000))).filter(Boolean)).toHaveLength(1);
    const erased = await Promise.allSettled([one.erase(id), other.erase(id)]);
    expect(erased.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(one.read(id, async () => 1)).rejects.toMatchObject({ code: "absent" });
  });

  test("one is told of what another appends, also after its connection broke", async () => {
    const [one, other] = [await open(), await open()];
    const seen = new Set<FeedName>();
    one.watchFeeds((name) => seen.add(name));
    const names = range(300).map((n): FeedName => `events/https://vendor${n}.example/${"x".repeat(60)}`);
    await expect
      .poll(async () => {
        await other.append(feed, [1]);
        return seen.has(feed);
      })
      .toBe(true);
    await other.create(storeId("teller"), async (store) => {
      for (const name of names) store.append(name, 1);
    });
    await expect.poll(() => names.every((name) => seen.has(name))).toBe(true);
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%bell' AND datname = current_database()",
    );
    seen.clear();
    await expect
      .poll(
        async () => {
          await other.append(feed, [1]);
          return seen.has(feed);
        },
        { timeout: 10_000, interval: 100 },
      )
      .toBe(true);
  });

  test("what is over is removed by one of them, what a slower clock may still need is not", async () => {
    const clock = { now: 1_800_000_000_000 };
    const early = await open({ now: () => clock.now, expiring: 1e9 });
    await early.once("nonce", "a", clock.now + 1_000);
    await early.once("nonce", "b", clock.now + 400_000);
    await early.putTicket("code", "a", 1, clock.now + 1_000);
    await early.count("a", 1_000);
    const left = async () =>
      (await query("SELECT (SELECT count(*) FROM used)::int AS used, (SELECT count(*) FROM tickets)::int AS tickets")).rows[0];
    const before = await left();
    clock.now += 200_000;
    await open({ now: () => clock.now, expiring: 20 });
    await sleep(100);
    expect(await left()).toEqual(before);
    clock.now += 150_000;
    await expect.poll(left).toEqual({ used: before.used - 1, tickets: before.tickets - 1 });
    expect(await early.once("nonce", "b", clock.now + 400_000)).toBe(false);
  });
});

describe("a database's tables", () => {
  test("are made once when four start at once, and an older server refuses those of a newer one", async () => {
    const url = await (await sharedPostgres()).database();
    const opened = await Promise.all(range(4).map(() => openPostgresStorage<ToyRows>({ url, connections: 2 })));
    await Promise.all(opened.map((storage, n) => storage.create(storeId(`s${n}`), async () => {})));
    expect(await opened[0]?.listStores({ limit: 9 })).toHaveLength(4);
    await Promise.all(opened.map((storage) => storage[Symbol.asyncDispose]()));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("UPDATE layout SET version = 99");
    await client.end();
    await expect(openPostgresStorage({ url })).rejects.toMatchObject({ name: "StorageError", code: "layout" });
  });

  test("are in UTF-8, or nothing is made", async () => {
    const url = await (await sharedPostgres()).database();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    await client.end();
    await expect(openPostgresStorage({ url: url.replace(/[^/]+$/, "latin") })).rejects.toMatchObject({ code: "layout" });
  });
});
