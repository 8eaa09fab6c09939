import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { openPostgresStorage, type PostgresOptions } from "../../server/storage/postgres/open.ts";
import { Origin } from "../../server/storage/postgres/origin.ts";
import { sharedPostgres, startPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { swapForCopy } from "../support/swapped-database.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";
import { storeId, type ToyRows } from "./contract.ts";

const A = storeId("a");

async function opened(direct: string, proxy: TcpProxy, options: Partial<PostgresOptions> = {}) {
  const told: string[] = [];
  const storage = await openPostgresStorage<ToyRows>({
    url: direct.replace(/:\d+\//, `:${proxy.port}/`),
    connectTimeout: 2_000,
    tell: ({ kind }) => told.push(kind),
    ...options,
  });
  return { storage, told };
}

test("an address that leads to a copy of the database from now on: nothing is read there, and it is said once", async () => {
  const { database, port } = await sharedPostgres();
  const direct = await database();
  await using proxy = await tcpProxy(port);
  const { storage, told } = await opened(direct, proxy, { standby: "synchronous" });
  await using _ = storage;
  await storage.create(A, async (store) => store.put("sums", "n", { total: 1 }));
  const total = () => storage.read(A, async (store) => (await store.get("sums", "n"))?.total);
  // Another connection to the same one is nothing to speak of.
  proxy.cut();
  expect(await total()).toBe(1);
  expect(told).toEqual([]);

  await swapForCopy(direct, proxy);
  const asked = [total(), total(), storage.getDocument("keys"), storage.check()];
  for (const outcome of await Promise.allSettled(asked)) expect(outcome).toMatchObject({ status: "rejected", reason: { code: "failed" } });
  await expect(total()).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("another one") });
  expect(told).toEqual(["moved"]);
});

test("a database that went on from an earlier state is another one, unless its standby had everything; a later server begins with it", async () => {
  await using folder = await scratchFolder({ open: true });
  await using postgres = await startPostgres({ folder: join(folder.path, "p"), settings: ["restore_command=false"] });
  const direct = await postgres.database();
  await using proxy = await tcpProxy(postgres.port);
  const careful = await opened(direct, proxy);
  const calm = await opened(direct, proxy, { standby: "synchronous" });
  await using _ = careful.storage;
  await using __ = calm.storage;
  const before = await calm.storage.medium?.();
  expect(await careful.storage.medium?.()).toEqual(before);
  await postgres.stop();
  // The end of a recovery is a timeline of its own, as is a standby that is promoted.
  await writeFile(join(folder.path, "p", "data", "recovery.signal"), "");
  await postgres.restart();

  await expect.poll(() => calm.storage.check(), { timeout: 5_000 }).toBeUndefined();
  await expect(careful.storage.check()).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("earlier state") });
  expect([careful.told, calm.told]).toEqual([["moved"], []]);
  const after = await calm.storage.medium?.();
  expect(after).toEqual({ place: before?.place, timeline: (before?.timeline ?? 0) + 1 });
  const next = await opened(direct, proxy);
  await using ___ = next.storage;
  expect(await next.storage.medium?.()).toEqual(after);
});

test("a database whose user may not ask which one it is says nothing", async () => {
  const direct = await (await sharedPostgres()).database();
  const user = `teller${process.pid}`;
  const client = new pg.Client({ connectionString: direct });
  await client.connect();
  try {
    await client.query(`CREATE ROLE ${user} LOGIN; ALTER SCHEMA public OWNER TO ${user}`);
    await client.query("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
  } finally {
    await client.end();
  }
  await using storage = await openPostgresStorage({ url: direct.replace("counterfoil@", `${user}@`) });
  expect(await storage.medium?.()).toBeNull();
});

test.each([
  ["42883", null],
  ["57014", "a fault"],
  ["XX000", "a fault"],
])("%s in place of an answer: %s", async (code, outcome) => {
  const origin = new Origin("asynchronous", () => {});
  const client = { query: () => Promise.reject(Object.assign(new Error("no"), { code, severity: "ERROR" })) };
  const checked = origin.check(client as unknown as pg.ClientBase).then(
    () => origin.medium,
    () => "a fault",
  );
  expect(await checked).toBe(outcome);
});
