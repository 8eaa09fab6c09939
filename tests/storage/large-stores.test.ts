import { describe, expect, test } from "vitest";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const A = storeId("a");
const B = storeId("b");
const KiB = 1024;
const MiB = 1024 * KiB;
const text = (length: number) => "x".repeat(length);
const afterRestart = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };

const openOn = (disk: SimulatedDisk, options: Partial<FileStorageOptions> = {}) =>
  openFileStorage<ToyRows>({ folder: "/disk/data", disk, idle: 1e9, processes: afterRestart, ...options });
const note = (storage: Storage<ToyRows>, key: string, length: number, id = A) =>
  storage.change(id, async (store) => store.put("notes", key, { text: text(length) }));
const keys = (storage: Storage<ToyRows>, id = A) =>
  storage.read(id, async (store) => (await store.list("notes", { limit: 100_000 })).map(([key]) => key));

describe("a store that has grown large", () => {
  // Without checkpoints: a document that is read again is weighed by averages as long as it is small.
  const limits = { largeStore: 400 * KiB, largestStore: 600 * KiB, checkpointBytes: 1e9 };

  test("takes small changes only, then only those that make it smaller, and is as before after each that is refused", async () => {
    const disk = new SimulatedDisk();
    const storage = await openOn(disk, limits);
    const full = { name: "StorageError", code: "full" };
    for (const id of [A, B]) await storage.create(id, async () => {});
    for (const n of range(3)) await note(storage, `large ${n}`, 100 * KiB);
    await expect(note(storage, "too large", 100 * KiB)).rejects.toMatchObject(full);
    await expect(
      storage.change(A, async (store) => {
        for (const n of range(30)) store.put("notes", `many ${n}`, { text: text(4 * KiB) });
        store.point("grant", "never");
      }),
    ).rejects.toMatchObject(full);
    await expect(storage.create(storeId("c"), async (store) => store.put("notes", "all", { text: text(500 * KiB) }))).rejects.toMatchObject(
      full,
    );
    expect(await keys(storage)).toEqual(range(3).map((n) => `large ${n}`));
    expect(await storage.find("grant", "never")).toBeUndefined();
    await expect(storage.read(storeId("c"), async () => 1)).rejects.toMatchObject({ code: "absent" });

    const small: string[] = [];
    const fill = async () => {
      for (;;) {
        await note(storage, `small ${small.length}`, 30 * KiB);
        small.push(`small ${small.length}`);
      }
    };
    await expect(fill()).rejects.toMatchObject(full);
    expect(small.length).toBe(9);
    await expect(storage.change(A, async (store) => store.put("sums", "s", { total: 1 }))).resolves.toBeUndefined();
    await note(storage, "large 1", 100 * KiB - 1);
    await note(storage, "other", 100 * KiB, B);

    const before = [...range(3).map((n) => `large ${n}`), ...small];
    const left = await openOn(disk.survivor("nothing"), limits);
    for (const each of [storage, left]) {
      expect(await keys(each)).toEqual(before);
      await expect(note(each, "more", 30 * KiB)).rejects.toMatchObject(full);
      await each.change(A, async (store) => {
        for (const n of range(3)) store.delete("notes", `large ${n}`);
        store.put("notes", "instead", { text: text(200 * KiB) });
      });
      await note(each, "more", 30 * KiB);
      await each.erase(A);
      await each.create(A, async () => {});
      await note(each, "large", 200 * KiB);
    }
  });

  test("is as large after a crash as it was before", async () => {
    const disk = new SimulatedDisk();
    const storage = await openOn(disk);
    await storage.create(A, async (store) => {
      for (const n of range(100)) store.put("notes", `n${n}`, { text: text(2 * KiB) });
    });
    for (const n of range(20)) await storage.change(A, async (store) => store.put("sums", "s", { total: n }));
    const left = await openOn(disk.survivor("nothing"), limits);
    await note(left, "large", 100 * KiB);
    await expect(note(left, "too large", 100 * KiB)).rejects.toMatchObject({ code: "full" });
  });

  test("is weighed row by row when it is read, so that small ones don't stand for large ones", async () => {
    const disk = new SimulatedDisk();
    const storage = await openOn(disk);
    await storage.create(A, async (store) => {
      store.put("notes", "large", { text: text(33 * MiB) });
      for (const n of range(300)) store.put("notes", `small ${n}`, { text: "" });
    });
    await storage[Symbol.asyncDispose]();
    const again = await openOn(disk, { largeStore: 40 * MiB, largestStore: 50 * MiB });
    await again.change(A, async (store) => {
      for (const n of range(300)) store.delete("notes", `small ${n}`);
    });
    await expect(note(again, "another", 10 * MiB)).rejects.toMatchObject({ code: "full" });
  });
});
