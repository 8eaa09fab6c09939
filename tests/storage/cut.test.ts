import { describe, expect, test } from "vitest";
import { type Notice, openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { code, SimulatedDisk } from "./simulated-disk.ts";

const A = storeId("a");
const B = storeId("b");
const JOURNAL = "/disk/data/journal/0000000001.journal";
const LATE = "/disk/data/late";
const CUT = /^0000000001\.cut-[0-9a-f]{8}$/;
const afterRestart = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };

const total = async (storage: Storage<ToyRows>, id: string) => (await storage.read(id, (store) => store.get("sums", "s")))?.total;

async function openOn(disk: SimulatedDisk): Promise<{ storage: Storage<ToyRows>; told: Notice[] }> {
  const told: Notice[] = [];
  const storage = await openFileStorage<ToyRows>({
    folder: "/disk/data",
    disk,
    idle: 1e9,
    processes: afterRestart,
    tell: (notice) => told.push(notice),
  });
  return { storage, told };
}

/** As a crash leaves it. The last frame of the journal begins at `last`. */
async function left(): Promise<{ disk: SimulatedDisk; bytes: Buffer; last: number }> {
  const first = new SimulatedDisk();
  const { storage } = await openOn(first);
  for (const id of [A, B]) await storage.create(id, async (store) => store.put("sums", "s", { total: 1 }));
  await storage.change(B, async (store) => store.put("sums", "s", { total: 2 }));
  await storage.change(A, async (store) => store.put("sums", "s", { total: 424_242 }));
  const disk = first.survivor("nothing");
  const bytes = (await disk.read(JOURNAL)) as Buffer;
  return { disk, bytes, last: bytes.lastIndexOf("#") };
}

async function overwrite(disk: SimulatedDisk, bytes: Buffer): Promise<void> {
  await disk.unlink(JOURNAL);
  const file = await disk.create(JOURNAL);
  await file.write(bytes, 0);
  await file.sync("");
  await disk.syncFolder("/disk/data/journal", "");
}

const flipped = (bytes: Buffer, at: number, flip = 1) => {
  const bad = Buffer.from(bytes);
  bad.writeUInt8(bad.readUInt8(at) ^ flip, at);
  return bad;
};

describe("the end of the journal", () => {
  test("that may have been whole is kept durably when it is cut off, and the operator is told until it is gone", async () => {
    const { disk: whole, bytes, last } = await left();
    for (const at of range(bytes.length - last).map((n) => last + n)) {
      const disk = whole.copy();
      const bad = flipped(bytes, at);
      await overwrite(disk, bad);
      const { told } = await openOn(disk);
      const after = disk.survivor("nothing");
      const [name = "", ...others] = await after.list(LATE);
      expect(name, `byte ${at - last}`).toMatch(CUT);
      expect(others).toEqual([]);
      expect(await after.read(`${LATE}/${name}`)).toEqual(bad.subarray(last));
      expect(told).toEqual([{ kind: "damaged", damage: { kind: "journal", name, message: expect.stringContaining(`${LATE}/${name}`) } }]);
      const { storage, told: toldAgain } = await openOn(after);
      expect(toldAgain).toEqual(told);
      expect([await total(storage, A), await total(storage, B)]).toEqual([1, 2]);
      await storage.change(A, async (store) => store.put("sums", "s", { total: 3 }));
      await storage[Symbol.asyncDispose]();
      expect(await after.list(LATE)).toEqual([name]);
      await after.unlink(`${LATE}/${name}`);
      const { storage: third, told: toldNoMore } = await openOn(after);
      expect(toldNoMore).toEqual([]);
      expect(await total(third, A)).toBe(3);
    }
  });

  test("that can't be kept is not cut off", async () => {
    const { disk, bytes, last } = await left();
    const bad = flipped(bytes, last + 40);
    await overwrite(disk, bad);
    disk.fault = (_, at) => {
      if (at === "cut lines: file") throw code("ENOSPC");
    };
    await expect(openOn(disk)).rejects.toMatchObject({ code: "full" });
    expect(await disk.read(JOURNAL)).toEqual(bad);
    disk.fault = undefined;
    expect((await openOn(disk)).told).toHaveLength(1);
  });

  test("that a torn append leaves is cut off without a word", async () => {
    const { disk: whole, bytes, last } = await left();
    const zeros = Buffer.from(bytes).fill(0, last);
    for (const torn of [...range(bytes.length - last).map((n) => bytes.subarray(0, last + n)), zeros]) {
      const disk = whole.copy();
      await overwrite(disk, torn);
      const { storage, told } = await openOn(disk);
      expect([await total(storage, A), told, await disk.list(LATE)]).toEqual([1, [], []]);
    }
  });

  test("that was kept goes with the first store that is erased, before that is answered, and after a crash on the way", async () => {
    const { disk: whole, bytes, last } = await left();
    await overwrite(whole, flipped(bytes, last + 40));
    const { storage: first } = await openOn(whole);
    await first[Symbol.asyncDispose]();
    expect(whole.everything()).toContain("424242");
    const fresh = whole.nextProcess();
    const measured = fresh.copy();
    const { storage: erasing } = await openOn(measured);
    const began = measured.operations;
    await erasing.erase(A);
    expect(measured.everything()).not.toContain("424242");
    expect(measured.everything()).not.toContain(A);

    const failing = fresh.copy();
    const { storage } = await openOn(failing);
    failing.fault = (operation, at) => {
      if (operation === "unlink" && CUT.test(at.slice(LATE.length + 1))) throw code("EIO");
    };
    await expect(storage.erase(A)).rejects.toMatchObject({ code: "failed" });
    failing.fault = undefined;
    await storage.erase(A);
    expect(failing.everything()).not.toContain("424242");

    for (const crashAt of range(measured.operations - began).map((n) => began + n)) {
      const disk = fresh.copy();
      const { storage: each } = await openOn(disk);
      disk.crashAt = crashAt + 1;
      await each.erase(A).catch(() => {});
      const after = disk.survivor("nothing");
      const { storage: next } = await openOn(after);
      const isThere = (await next.listStores({ limit: 9 })).includes(A);
      await next[Symbol.asyncDispose]();
      expect(after.everything().includes("424242"), `operation ${crashAt - began}`).toBe(isThere);
    }
  });

  test("that was kept goes though the erased store is made again at once", async () => {
    const { disk, bytes, last } = await left();
    await overwrite(disk, flipped(bytes, last + 40));
    const { storage } = await openOn(disk);
    await Promise.all([storage.erase(A), storage.create(A, async () => {}).catch(() => storage.create(A, async () => {}))]);
    expect(disk.everything()).not.toContain("424242");
    expect(await storage.listStores({ limit: 9 })).toEqual([A, B].sort());
  });
});
