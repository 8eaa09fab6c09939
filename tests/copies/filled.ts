import { randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { isLeftOut } from "../../server/copies/format.ts";
import { noProgress } from "../../server/copies/progress.ts";
import { storeDigest } from "../../server/copies/read-back.ts";
import { all, storageSource } from "../../server/copies/source.ts";
import { type Copied, type CopyOrder, writeCopy } from "../../server/copies/write-copy.ts";
import { openLife } from "../../server/life.ts";
import type { Storage } from "../../server/storage/storage.ts";

export type TestRows = { records: { readonly body: string; readonly version: number }; grants: Record<string, unknown> };
export type TestStorage = Storage<TestRows>;

export const randomId = (): string => randomBytes(16).toString("base64url");

/** Documents, stores of some sizes (one of more than a part), names, due times, and two feeds. Answers the stores' ids. */
export async function fill(storage: TestStorage, stores = 12): Promise<string[]> {
  await openLife(storage, { now: () => 1_000 });
  await storage.putDocument("keys", { current: { kty: "OKP", d: "private" }, since: 5 });
  await storage.putDocument("vendors/https://shop.example/client.json", { name: "Büchér 書店", b: 1, a: [2, { z: 1, y: null }] });
  const ids: string[] = [];
  for (let at = 0; at < stores; at++) {
    const id = randomId();
    ids.push(id);
    await storage.create(id, async (store) => {
      const records = at === 3 ? 40 : at;
      for (let record = 0; record < records; record++)
        store.put("records", `purchases/${record}`, { version: record + 1, body: "x".repeat(at === 3 ? 60_000 : 100) });
      store.put("grants", `grant-${at}`, { z: at, a: { c: "ü", b: [1.5, null, true] } });
      store.point("grant", `g${at}${id}`);
      if (at % 2 === 0) store.point("locator", `l${at}${id}`);
      if (at % 3 === 0) store.due(1_800_000_000_000 + at);
      store.append("events/a-vendor", { of: at });
    });
  }
  await storage.append("changes/a-vendor", [
    { grant: "g0", from: 1 },
    { grant: "g1", from: 3 },
  ]);
  await storage.removeFromFeed("events/a-vendor", [2, 3]);
  return ids.sort();
}

/** Everything that a copy has of a storage, but for positions in feeds. */
export async function contentsOf(storage: TestStorage): Promise<unknown> {
  const source = storageSource(storage as Storage, "embedded");
  const documents: unknown[] = [];
  for await (const name of all((after) => source.listDocuments(after)))
    if (!isLeftOut(name)) documents.push([name, await source.getDocument(name)]);
  const stores: unknown[] = [];
  for await (const id of all((after) => source.listStores(after))) stores.push([id, await storeDigest(source, id)]);
  const feeds: unknown[] = [];
  for (const kind of ["changes", "events"] as const)
    for await (const name of all((after) => source.listFeeds(kind, after)))
      feeds.push([name, (await source.readFeed(name, 0)).map(([, entry]) => entry)]);
  return { documents, stores, feeds };
}

export const copyTo = (storage: TestStorage, to: string, order: Partial<CopyOrder> = {}): Promise<Copied> =>
  writeCopy({
    source: storageSource(storage as Storage, "embedded"),
    to,
    packing: "plain",
    resume: false,
    leaveDamaged: false,
    now: () => Date.parse("2026-11-22T10:00:00Z"),
    progress: noProgress,
    ...order,
  });

export async function withFile<Result>(path: string, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
  const file = await open(path, "r");
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
