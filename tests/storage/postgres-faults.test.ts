import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPostgresStorage, type PostgresOptions } from "../../server/storage/postgres/open.ts";
import { type Storage, StorageError } from "../../server/storage/storage.ts";
import { type Postgres, sharedPostgres, startPostgres } from "../support/postgres.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";
import { range, storeId, type ToyRows } from "./contract.ts";

/** As it goes over the wire: the name of an isolation level begins like that too. */
const COMMIT = "COMMIT\0";
const A = storeId("a");
const total = (storage: Storage<ToyRows>, id = A) => storage.read(id, async (store) => (await store.get("sums", "n"))?.total);
const add = (storage: Storage<ToyRows>, inside: () => unknown = () => {}) =>
  storage.change(A, async (store) => {
    const before = (await store.get("sums", "n"))?.total ?? 0;
    await inside();
    store.put("sums", "n", { total: before + 1 });
  });
/** As every refusal of a database that does not work: for the one who asks, without a word of what is in it or where it is. */
const failed = { name: "StorageError", code: "failed" };

describe("a network that breaks", () => {
  let proxy: TcpProxy;
  let url: string;
  let direct: string;
  const opened: Array<Storage<ToyRows>> = [];
  const open = async (options: Partial<PostgresOptions> = {}) => {
    const storage = await openPostgresStorage<ToyRows>({ url, lookup: 400, connectTimeout: 400, statementTimeout: 400, ...options });
    opened.push(storage);
    return storage;
  };
  beforeAll(async () => {
    direct = await (await sharedPostgres()).database();
  });
  beforeEach(async () => {
    proxy = await tcpProxy(Number(new URL(direct).port));
    url = direct.replace(/:\d+\//, `:${proxy.port}/`);
    const storage = await open();
    await storage.erase(A).catch(() => {});
    await storage.create(A, async (store) => store.put("sums", "n", { total: 0 }));
  });
  afterEach(async () => {
    proxy.watch(undefined);
    proxy.hold(false);
    proxy.refuse(false);
    await Promise.all(opened.splice(0).map((each) => each[Symbol.asyncDispose]()));
    await proxy[Symbol.asyncDispose]();
  });
  /** Cuts every connection at the first piece that has `text` in it, once. */
  const cutAt = (text: string, direction: "sent" | "answered") => {
    let cut = 0;
    proxy.watch((piece, way) => {
      if (way !== direction || cut > 0 || !piece.includes(text)) return undefined;
      cut++;
      return "cut";
    });
    return () => cut;
  };

  test("cut before COMMIT arrives: nothing of it was written, and it is done once more", async () => {
    const [storage] = opened as [Storage<ToyRows>];
    const cuts = cutAt(COMMIT, "sent");
    await add(storage);
    expect(cuts()).toBe(1);
    expect(await total(storage)).toBe(1);
  });

  test("cut after COMMIT arrived: it is looked up, and not done twice", async () => {
    const [storage] = opened as [Storage<ToyRows>];
    const cuts = cutAt(COMMIT, "answered");
    let times = 0;
    await add(storage, () => times++);
    expect(cuts()).toBe(1);
    expect(times).toBe(1);
    expect(await total(storage)).toBe(1);
    const again = cutAt(COMMIT, "answered");
    await storage.erase(A);
    expect(again()).toBe(1);
    await expect(total(storage)).rejects.toMatchObject({ code: "absent" });
  });

  test.each(["sent", "answered"] as const)(
    "cut around COMMIT (%s) and nobody to ask: that is said, and one of both is true",
    async (way) => {
      const [storage] = opened as [Storage<ToyRows>];
      proxy.watch((piece, direction) => {
        if (direction !== way || !piece.includes(COMMIT)) return undefined;
        proxy.refuse(true);
        return "cut";
      });
      await expect(add(storage)).rejects.toMatchObject({ ...failed, message: expect.stringContaining("nobody can know") });
      proxy.watch(undefined);
      proxy.refuse(false);
      expect(await total(storage)).toBe(way === "sent" ? 0 : 1);
    },
  );

  test("held up at COMMIT: what hangs is ended, and one of both is true and said", async () => {
    const [storage] = opened as [Storage<ToyRows>];
    const observer = await openPostgresStorage<ToyRows>({ url: direct });
    opened.push(observer);
    // It arrives nowhere, and nobody is told: only who waits too long finds out.
    const here = proxy;
    here.watch((piece, way) => {
      if (way !== "sent" || !piece.includes(COMMIT)) return undefined;
      here.watch(undefined);
      return "lose";
    });
    const outcome = await add(storage).then(
      () => "written",
      (error: unknown) => error,
    );
    if (outcome !== "written") expect(outcome).toMatchObject(failed);
    expect(await total(observer)).toBe(outcome === "written" ? 1 : 0);
  });

  test("cut in the middle of the work: nothing is written twice, and every connection is replaced", async () => {
    const [storage] = opened as [Storage<ToyRows>];
    let times = 0;
    await add(storage, () => {
      if (times++ === 0) proxy.cut();
    });
    expect(times).toBe(2);
    expect(await total(storage)).toBe(1);
    const always = add(storage, () => proxy.cut());
    await expect(always).rejects.toMatchObject(failed);
    expect(await total(storage)).toBe(1);
    // All of them at once, at rest.
    await Promise.all(range(8).map(() => total(storage)));
    proxy.cut();
    await sleep(20);
    expect(await Promise.all(range(8).map(() => total(storage)))).toEqual(range(8).map(() => 1));
  });

  test("a database that doesn't answer: every call ends in time, and works again afterwards", { timeout: 20_000 }, async () => {
    const [storage] = opened as [Storage<ToyRows>];
    await storage.check();
    proxy.hold(true);
    const began = performance.now();
    const asked = [add(storage), total(storage), storage.once("k", "k", Date.now() + 1_000), storage.find("grant", "x"), storage.check()];
    for (const outcome of await Promise.allSettled(asked)) expect(outcome).toMatchObject({ status: "rejected", reason: failed });
    expect(performance.now() - began).toBeLessThan(6_000);
    proxy.hold(false);
    await add(storage);
    await storage.check();
  });

  test("slow answers are only slow", async () => {
    const [storage] = opened as [Storage<ToyRows>];
    proxy.delay(15);
    await Promise.all(range(4).map(() => add(storage)));
    expect(await total(storage)).toBe(4);
  });

  test("a store that another process has locked, or a work that stops in the middle, holds up nobody for long", async () => {
    const storage = await open({ connections: 2, statementTimeout: 200 });
    const other = new pg.Client({ connectionString: direct });
    other.on("error", () => {});
    await other.connect();
    await other.query("BEGIN");
    await other.query("SELECT 1 FROM stores WHERE id = $1 FOR UPDATE", [A]);
    await expect(add(storage)).rejects.toMatchObject({ ...failed, message: expect.stringContaining("55P03") });
    await other.end();
    await add(storage);
    // Its transaction is ended by the database; the connection goes to who waits.
    const stuck = storage.change(A, async (store) => {
      await sleep(600);
      store.put("sums", "n", { total: 99 });
    });
    await expect(stuck).rejects.toMatchObject(failed);
    expect(await total(storage)).toBe(1);
  });

  test("a work that asks for more than its store finds a connection, however many do", async () => {
    const storage = await open({ connections: 3, statementTimeout: 5_000, connectTimeout: 2_000 });
    const ids = range(12).map((n) => storeId(`nested${n}`));
    await Promise.all(
      ids.map((id) =>
        storage.create(id, async (store) => {
          await store.get("sums", "n");
          expect(await storage.find("grant", "none")).toBeUndefined();
        }),
      ),
    );
    expect(await storage.listStores({ after: "nested", limit: 12 })).toHaveLength(12);
  });

  test("no message says where the database is, who asks, or what is in it", async () => {
    const secret = "pa55w0rd";
    const address = (host: string) => `postgres://somebody:${secret}@${host}/nowhere`;
    const errors: unknown[] = [];
    for (const bad of [
      address("127.0.0.1:1"),
      address(`127.0.0.1:${proxy.port}`),
      address("127.0.0.1:99999"),
      `${address("x")}?sslmode=prefer`,
    ])
      errors.push(await openPostgresStorage({ url: bad, connectTimeout: 300 }).catch((error: unknown) => error));
    const [storage] = opened as [Storage<ToyRows>];
    await storage.create(storeId("c"), async (store) => store.point("grant", "someones-grant"));
    errors.push(await storage.change(A, async (store) => store.point("grant", "someones-grant")).catch((error: unknown) => error));
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      const said = `${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
      for (const each of [secret, "somebody", "nowhere", "someones-grant", A]) expect(said).not.toContain(each);
    }
  });
});

describe("a database that stops", () => {
  let postgres: Postgres;
  beforeAll(async () => {
    // Nothing of a transaction reaches the disk before its commit.
    postgres = await startPostgres({ settings: ["wal_writer_delay=10s"] });
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  test.each(["stop", "kill"] as const)(
    "%s and start again, under load: refused meanwhile, what was answered is there, nothing else",
    async (how) => {
      await using storage = await openPostgresStorage<ToyRows>({ url: await postgres.database(), lookup: 1_500, connectTimeout: 1_000 });
      let answered = 0;
      let refused = 0;
      let unsure = 0;
      let going = true;
      const one = range(4).map((n) => storeId(`load${n}`));
      for (const id of one) await storage.create(id, async (store) => store.put("sums", "n", { total: 0 }));
      const load = one.map(async (id) => {
        while (going)
          await storage
            .change(id, async (store) => {
              const { total: before } = (await store.get("sums", "n")) as { total: number };
              store.put("sums", "n", { total: before + 1 });
            })
            .then(
              () => answered++,
              async (error: unknown) => {
                expect(error).toBeInstanceOf(StorageError);
                expect((error as StorageError).code).toBe("failed");
                if (String(error).includes("nobody can know")) unsure++;
                refused++;
                await sleep(20);
              },
            );
      });
      await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(20);
      await postgres[how]();
      await expect.poll(() => refused, { timeout: 10_000 }).toBeGreaterThan(2);
      await expect(storage.check()).rejects.toMatchObject(failed);
      await postgres.restart();
      const before = answered;
      await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(before + 20);
      going = false;
      await Promise.all(load);
      const totals = await Promise.all(one.map((id) => total(storage, id)));
      const sum = totals.reduce<number>((all, each) => all + (each ?? 0), 0);
      expect(sum).toBeGreaterThanOrEqual(answered);
      expect(sum).toBeLessThanOrEqual(answered + unsure);
    },
  );

  test("killed before a commit was on its disk: another transaction that gets its number after that is not taken for it", async () => {
    const direct = await postgres.database();
    await using proxy = await tcpProxy(postgres.port);
    await using storage = await openPostgresStorage<ToyRows>({
      url: direct.replace(/:\d+\//, `:${proxy.port}/`),
      lookup: 3_000,
      connectTimeout: 1_000,
    });
    await storage.create(A, async (store) => store.put("sums", "n", { total: 0 }));
    const lost = new Promise<void>((resolve) => {
      proxy.watch((piece, way) => {
        if (way !== "sent" || !piece.includes(COMMIT)) return undefined;
        proxy.watch(undefined);
        proxy.refuse(true);
        resolve();
        return "lose";
      });
    });
    const changing = add(storage);
    changing.catch(() => {});
    await lost;
    await postgres.kill();
    await postgres.restart();
    const client = new pg.Client({ connectionString: direct });
    await client.connect();
    for (const n of range(20)) await client.query("UPDATE documents SET value = $1 WHERE pg_current_xact_id() IS NULL", [String(n)]);
    await client.end();
    proxy.refuse(false);
    await expect(changing).rejects.toMatchObject({ ...failed, message: expect.stringContaining("nobody can know") });
    expect(await total(storage)).toBe(0);
  });
});
