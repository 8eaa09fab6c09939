import { join } from "node:path";
import { expect, test } from "vitest";
import { importCopy } from "../../server/copies/import-copy.ts";
import { noProgress } from "../../server/copies/progress.ts";
import { storageSource } from "../../server/copies/source.ts";
import { openThere } from "../../server/operator/place.ts";
import type { Rows } from "../../server/rows.ts";
import { openStorage } from "../../server/storage/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { SWEEP, sweepRegularly } from "../../server/store/sweep.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { silentLog } from "../support/system.ts";
import { contentsOf, copyTo, fill, type TestRows, type TestStorage, withFile } from "./filled.ts";

test("what no server may be running for is refused while one runs on the database", async () => {
  const { database } = await sharedPostgres();
  const place = { kind: "postgres", url: await database(), connections: 4, statementTimeout: 5_000 } as const;
  await using storage = await openStorage<Rows>(place);
  // With a connection at hand it asks first; where it came second after all, it asks again.
  await storage.check();
  const running = sweepRegularly({ storage, outbox: { tell: async () => {}, wake: () => {} }, log: silentLog }, Date.now);
  await expect.poll(() => storage.hold(SWEEP, "another", 1), { timeout: 20_000 }).toBe(false);
  await expect(openThere(place)).rejects.toMatchObject({ code: "locked", message: expect.stringContaining("server runs") });
  await running[Symbol.asyncDispose]();
  await using alone = await openThere(place);
  expect(await alone.listStores({ limit: 1 })).toEqual([]);
});

test("from the embedded engine to PostgreSQL and back every store is the same, row by row, and so are documents and feeds", async () => {
  await using folder = await scratchFolder();
  const { database } = await sharedPostgres();
  const postgres = { kind: "postgres", url: await database(), connections: 4, statementTimeout: 5_000 } as const;
  const bring = (storage: TestStorage, path: string) =>
    withFile(path, (file) => importCopy({ file, storage: storage as Storage, restored: false, now: () => 1, progress: noProgress }));
  const [there, back] = [join(folder.path, "there.copy.gz"), join(folder.path, "back.copy")];
  await using embedded = await openStorage<TestRows>({ kind: "embedded", folder: join(folder.path, "one") });
  await fill(embedded);
  await copyTo(embedded, there, { packing: "gzip" });
  await using middle = await openStorage<TestRows>(postgres);
  await bring(middle, there);
  const before = await contentsOf(embedded);
  expect(await contentsOf(middle)).toEqual(before);
  expect(await middle.findDue(2e12, 100)).toEqual(await embedded.findDue(2e12, 100));
  await copyTo(middle, back, { source: storageSource(middle as Storage, "postgres") });
  await using last = await openStorage<TestRows>({ kind: "embedded", folder: join(folder.path, "two") });
  await bring(last, back);
  expect(await contentsOf(last)).toEqual(before);
  await expect(bring(middle, back)).rejects.toMatchObject({ code: "full" });
});
