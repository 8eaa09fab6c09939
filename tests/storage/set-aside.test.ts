import { afterEach, describe, expect, test, vi } from "vitest";
import type * as Checkpoints from "../../server/storage/file/checkpoint.ts";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { code, SimulatedDisk } from "./simulated-disk.ts";

const tooLong = vi.hoisted(() => new Set<string>());
vi.mock("../../server/storage/file/checkpoint.ts", async (importActual) => {
  const actual = await importActual<typeof Checkpoints>();
  const textOf = (checkpoint: Checkpoints.Checkpoint) => {
    if (tooLong.has(checkpoint.store)) throw new RangeError("Invalid string length");
    return actual.textOf(checkpoint);
  };
  return { ...actual, textOf };
});

const A = storeId("a");
const B = storeId("b");
const LATE = "/disk/data/late";
const afterRestart = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };

const put = (storage: Storage<ToyRows>, id: string, total: number) =>
  storage.change(id, async (store) => store.put("sums", "s", { total }));
const total = async (storage: Storage<ToyRows>, id: string) => (await storage.read(id, (store) => store.get("sums", "s")))?.total;
const segments = async (disk: SimulatedDisk) => (await disk.list("/disk/data/journal")).length;

const clock = { now: 1_800_000_000_000 };
const openOn = (disk: SimulatedDisk, options: Partial<FileStorageOptions> = {}) =>
  openFileStorage<ToyRows>({
    folder: "/disk/data",
    disk,
    idle: 1e9,
    segmentBytes: 500,
    // Pauses after a failure are soon over.
    now: () => (clock.now += 1000),
    processes: afterRestart,
    ...options,
  });

/** The document of A can't be written, those of all others can. Answers how often it was tried. */
function failing(disk: SimulatedDisk): { tries: number } {
  const seen = { tries: 0 };
  disk.fault = (operation, at) => {
    if (operation !== "rename" || !at.endsWith(`/${A}.json`)) return;
    seen.tries++;
    throw code("EIO");
  };
  return seen;
}

async function start() {
  const disk = new SimulatedDisk();
  const storage = await openOn(disk);
  const seen = failing(disk);
  for (const id of [A, B]) await storage.create(id, async (store) => store.put("notes", "n", { text: "first" }));
  await put(storage, A, 1);
  return { disk, storage, seen };
}

describe("a store whose document can't be written, while others' can", () => {
  afterEach(() => tooLong.clear());

  test("pins no journal: its lines are set aside, and put back when it can", async () => {
    const { disk, storage, seen } = await start();
    for (const n of range(300)) {
      await put(storage, B, n);
      if (n % 50 === 0) await put(storage, A, n);
    }
    expect(await segments(disk)).toBeLessThan(15);
    expect(seen.tries).toBeLessThan(10);
    expect([await total(storage, A), await total(storage, B)]).toEqual([250, 299]);
    await storage.erase(B);

    const left = disk.survivor("nothing");
    failing(left);
    const next = await openOn(left);
    expect(await total(next, A)).toBe(250);
    await put(next, A, 1000);
    await next[Symbol.asyncDispose]();
    expect((await left.list(LATE)).length).toBeGreaterThan(0);
    const third = await openOn(left);
    expect([await total(third, A), (await third.read(A, (store) => store.get("notes", "n")))?.text]).toEqual([1000, "first"]);
    left.fault = undefined;
    await put(third, A, 1001);
    await third[Symbol.asyncDispose]();
    expect(await left.list(LATE)).toEqual([]);
    expect(await segments(left)).toBe(1);
    expect(await total(await openOn(left), A)).toBe(1001);
  });

  test("is not tried again and again, however often it changes", async () => {
    const disk = new SimulatedDisk();
    let now = 0;
    const storage = await openOn(disk, { now: () => now });
    const seen = failing(disk);
    for (const id of [A, B]) await storage.create(id, async () => {});
    const change = async () => {
      for (const n of range(100)) for (const id of [A, B]) await put(storage, id, n);
    };
    await change();
    expect(await segments(disk)).toBeLessThan(15);
    expect(seen.tries).toBe(1);
    now = 600_001;
    await change();
    expect(seen.tries).toBe(2);
    expect([await total(storage, A), await total(storage, B)]).toEqual([99, 99]);
  });

  test("may be the only one that changes, if the medium has nothing to do with it", async () => {
    const disk = new SimulatedDisk();
    const storage = await openOn(disk);
    tooLong.add(A);
    await storage.create(A, async () => {});
    for (const n of range(100)) await put(storage, A, n);
    expect(await segments(disk)).toBeLessThan(15);
    tooLong.clear();
    expect(await total(await openOn(disk.survivor("nothing")), A)).toBe(99);
  });

  test("takes what was set aside with it when it is erased", async () => {
    const { disk, storage } = await start();
    await put(storage, A, 424_242);
    for (const n of range(50)) await put(storage, B, n);
    expect(await disk.list(LATE)).not.toEqual([]);
    expect(disk.everything()).toContain("424242");
    await storage.erase(A);
    expect(disk.everything()).not.toContain("424242");
    expect(disk.everything()).not.toContain(A);
    await storage.create(A, async (store) => store.put("sums", "s", { total: 7 }));
    const left = disk.survivor("nothing");
    expect(await total(await openOn(left), A)).toBe(7);
  });

  test("keeps nothing that it appended to a feed, and that was taken out since", async () => {
    const { disk, storage } = await start();
    await storage.change(A, async (store) => {
      store.put("sums", "s", { total: 434_343 });
      store.append("events/x", { mark: "525252" });
    });
    for (const n of range(50)) await put(storage, B, n);
    expect(await disk.list(LATE)).not.toEqual([]);
    await storage.removeFromFeed("events/x", [1]);
    await storage.erase(B);
    expect(disk.everything()).toContain("434343");
    expect(disk.everything()).not.toContain("525252");
  });

  test("is not set aside when nobody's can, nor one that is being erased", async () => {
    const { disk, storage } = await start();
    disk.fault = (_, at) => {
      if (at === "checkpoint: file") throw code("EIO");
    };
    for (const n of range(20)) await put(storage, B, n);
    expect(await disk.list(LATE)).toEqual([]);
    disk.fault = undefined;
    for (const n of range(20)) await put(storage, B, n);
    expect(await segments(disk)).toBeLessThan(15);
    disk.fault = (operation, at) => {
      if (operation === "unlink" && at.endsWith(`/${A}.json`)) throw code("EIO");
    };
    await expect(storage.erase(A)).rejects.toMatchObject({ code: "failed" });
    for (const n of range(50)) await put(storage, B, n);
    expect(await disk.list(LATE)).toEqual([]);
    disk.fault = undefined;
    await storage.erase(A);
    expect(disk.everything()).not.toContain(A);
  });

  test("loses nothing, wherever a crash comes", async () => {
    const measured = new SimulatedDisk();
    const work = async (disk: SimulatedDisk, answered: { a: number; b: number }) => {
      const storage = await openOn(disk);
      failing(disk);
      for (const id of [A, B]) await storage.create(id, async () => {});
      for (const n of range(12)) {
        await put(storage, B, n);
        answered.b = n;
        if (n % 3 > 0) continue;
        await put(storage, A, n);
        answered.a = n;
      }
      disk.fault = undefined;
      await storage[Symbol.asyncDispose]();
    };
    await work(measured, { a: -1, b: -1 });
    const sites = new Set(measured.syncs.map(({ site }) => site));
    expect([...sites]).toEqual(expect.arrayContaining(["late lines: file", "late lines: folder", "late lines: removal"]));
    for (const crashAt of range(measured.operations).map((n) => n + 1)) {
      for (const fate of ["nothing", "everything"] as const) {
        const disk = new SimulatedDisk();
        const answered = { a: -1, b: -1 };
        disk.crashAt = crashAt;
        await work(disk, answered).catch(() => {});
        const left = await openOn(disk.survivor(fate));
        for (const [id, n] of [[A, answered.a] as const, [B, answered.b] as const])
          if (n >= 0) expect(await total(left, id), `operation ${crashAt}, ${fate}`).toBeGreaterThanOrEqual(n);
        await left[Symbol.asyncDispose]();
      }
    }
  });
});
