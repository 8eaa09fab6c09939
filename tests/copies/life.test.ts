import pg from "pg";
import { expect, test } from "vitest";
import { type Life, markMoved, markRestored, openLife } from "../../server/life.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { Medium, Storage } from "../../server/storage/storage.ts";
import { sharedPostgres } from "../support/postgres.ts";

type Documents = Parameters<typeof openLife>[0];

/** Documents that outlive their medium. */
function documents(medium: Medium | null): Documents & { at: Medium | null; import?: { done: boolean } } {
  let life: unknown;
  return {
    at: medium,
    async getDocument<Value>() {
      return this.import as Value | undefined;
    },
    async changeDocument<Value>(_: string, work: (value: Value | undefined) => Value | undefined) {
      life = work(life as Value | undefined) ?? life;
      return life as Value | undefined;
    },
    async medium() {
      return this.at;
    },
  };
}

const A: Medium = { place: "one/16384", timeline: 1 };
const at = { now: () => 5_000 };

test("a life goes on from start to start", async () => {
  const storage = documents(A);
  const first = await openLife(storage, at);
  expect(first).toMatchObject({ restores: 0, restored: null, from: null });
  expect(await openLife(storage, at)).toEqual(first);
});

test.each<[string, Medium, "asynchronous" | "synchronous", number]>([
  ["another cluster or database", { place: "two/16384", timeline: 1 }, "asynchronous", 1],
  ["another database, whatever the standby", { place: "two/16384", timeline: 1 }, "synchronous", 1],
  ["a later timeline", { place: "one/16384", timeline: 2 }, "asynchronous", 1],
  ["a later timeline, of a standby that had everything", { place: "one/16384", timeline: 2 }, "synchronous", 0],
])("%s", async (_, medium, standby, restores) => {
  const storage = documents(A);
  const first = await openLife(storage, at);
  storage.at = medium;
  const next = await openLife(storage, { ...at, standby });
  expect(next.restores).toBe(restores);
  expect(next.id === first.id).toBe(restores === 0);
  expect(next.restored).toBe(restores === 0 ? null : 5_000);
  // Noticed once.
  expect(await openLife(storage, { ...at, standby })).toEqual(next);
});

test("a medium that could not be told once is not forgotten", async () => {
  const storage = documents(A);
  await openLife(storage, at);
  storage.at = null;
  expect((await openLife(storage, at)).restores).toBe(0);
  storage.at = { place: "two/16384", timeline: 1 };
  expect((await openLife(storage, at)).restores).toBe(1);
});

test("the operator's word: restored, or moved whole", async () => {
  const storage = documents(A);
  const { id } = await openLife(storage, at);
  storage.at = { place: "two/1", timeline: 9 };
  await markMoved(storage);
  expect(await openLife(storage, at)).toMatchObject({ id, restores: 0 });
  await markRestored(storage, { now: 6_000, from: 4_000 });
  expect(await openLife(storage, at)).toMatchObject({ restores: 1, restored: 6_000, from: 4_000 });
});

test("where an import is not finished nothing begins", async () => {
  const storage = documents(A);
  storage.import = { done: false };
  await expect(openLife(storage, at)).rejects.toMatchObject({ code: "layout" });
  storage.import = { done: true };
  expect((await openLife(storage, at)).restores).toBe(0);
});

test("a PostgreSQL database that was copied into another one is noticed at the first start on it", async () => {
  const { database } = await sharedPostgres();
  const url = await database();
  const open = (address: string): Promise<Storage> =>
    openStorage({ kind: "postgres", url: address, connections: 2, statementTimeout: 5_000 });
  let first: Life;
  {
    await using storage = await open(url);
    first = await openLife(storage, at);
    expect(first.medium?.place).toMatch(/^\d+\/\d+$/);
    expect((await openLife(storage, at)).restores).toBe(0);
  }
  const copy = new URL(url);
  copy.pathname = `${copy.pathname}_copy`;
  const client = new pg.Client({ connectionString: url.replace(/[^/]+$/, "postgres") });
  await client.connect();
  await client.query(`CREATE DATABASE ${copy.pathname.slice(1)} TEMPLATE ${new URL(url).pathname.slice(1)}`).finally(() => client.end());
  await using storage = await open(copy.href);
  expect(await openLife(storage, { now: () => 9_000 })).toMatchObject({ restores: 1, restored: 9_000, from: null });
});
