import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { FeedName, Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { code, SimulatedDisk } from "./simulated-disk.ts";

const A = storeId("a");
const B = storeId("b");
const PATIENT = { timeout: 10_000 };
const MARKS = [A, "what A wrote", "name-of-a", "locator-of-a", "later-of-a"];
const afterRestart = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };
const openOn = (disk: SimulatedDisk, options: Partial<FileStorageOptions> = {}) =>
  openFileStorage<ToyRows>({ folder: "/disk/data", disk, idle: 1e9, processes: afterRestart, ...options });

/** Two stores, of the first of which something is in its document, in pointers' files, in the journal and in both. */
async function fill(storage: Storage<ToyRows>): Promise<void> {
  for (const [id, name] of [
    [A, "a"],
    [B, "b"],
  ] as const)
    await storage.create(id, async (store) => {
      store.put("notes", "n", { text: `what ${name.toUpperCase()} wrote` });
      store.point("grant", `name-of-${name}`);
      store.point("locator", `locator-of-${name}`);
      store.due(10);
    });
}

async function more(storage: Storage<ToyRows>): Promise<void> {
  await storage.change(A, async (store) => {
    store.put("notes", "m", { text: "what A wrote again" });
    store.point("grant", "later-of-a");
    store.due(20);
  });
  await storage.change(B, async (store) => store.put("sums", "s", { total: 1 }));
}

async function start(options: Partial<FileStorageOptions> = {}) {
  const disk = new SimulatedDisk();
  const first = await openOn(disk, options);
  await fill(first);
  await first[Symbol.asyncDispose]();
  const storage = await openOn(disk, options);
  await more(storage);
  const fail = (error: string, when: (operation: string, at: string) => boolean) => {
    disk.fault = (operation, at) => {
      if (when(operation, at)) throw code(error);
    };
  };
  return { disk, storage, fail };
}

async function expectWhole(storage: Storage<ToyRows>): Promise<void> {
  expect(await storage.read(A, (store) => store.list("notes", { limit: 9 }))).toHaveLength(2);
  for (const name of ["name-of-a", "later-of-a"]) expect(await storage.find("grant", name)).toBe(A);
  expect(await storage.find("locator", "locator-of-a")).toBe(A);
  expect(await storage.findDue(20, 9)).toEqual([B, A]);
}

async function expectGone(storage: Storage<ToyRows>): Promise<void> {
  await expect(storage.read(A, async () => 1)).rejects.toMatchObject({ code: "absent" });
  for (const name of ["name-of-a", "later-of-a"]) expect(await storage.find("grant", name)).toBeUndefined();
  expect(await storage.findDue(20, 9)).toEqual([B]);
  expect(await storage.read(B, (store) => store.get("notes", "n"))).toEqual({ text: "what B wrote" });
  expect(await storage.find("grant", "name-of-b")).toBe(B);
}

const marksIn = (text: string): string[] => MARKS.filter((mark) => text.includes(mark));

describe("when the disk fails while a store is erased", () => {
  for (const [error, answer] of [
    ["ENOSPC", "full"],
    ["EIO", "failed"],
  ] as const) {
    test(`${error} before it is said: ${answer}, and it is whole`, async () => {
      const { disk, storage, fail } = await start();
      fail(error, (_, at) => at === "journal: frame");
      await expect(storage.erase(A)).rejects.toMatchObject({ name: "StorageError", code: answer });
      disk.fault = undefined;
      await expectWhole(storage);
      await expectWhole(await openOn(disk.survivor("everything")));
      await storage.change(A, async (store) => store.put("sums", "s", { total: 9 }));
      await storage.erase(A);
      await expectGone(storage);
      expect(marksIn(disk.everything())).toEqual([]);
    });
  }

  for (const place of ["checkpoint: removal", "pointer: removal", "journal: drop", "journal: new file", "checkpoint: file"]) {
    test(`at "${place}": nobody sees it any more, and another call, or the next opening, takes it off the disk`, async () => {
      const { disk, storage, fail } = await start();
      fail("EIO", (_, at) => at === place);
      await expect(storage.erase(A)).rejects.toMatchObject({ name: "StorageError", code: "failed" });
      await expectGone(storage);
      const left = disk.survivor("nothing");
      await expectGone(await openOn(left));
      expect(marksIn(left.everything()), "after the next opening").toEqual([]);
      await expect(storage.erase(A), "still").rejects.toMatchObject({ code: "failed" });
      disk.fault = undefined;
      await storage.erase(A);
      expect(marksIn(disk.everything()), "after another call").toEqual([]);
      await expectGone(storage);
      await expect(storage.erase(A)).rejects.toMatchObject({ code: "absent" });
    });
  }

  test("it is made up for without another call", async () => {
    for (const place of ["checkpoint: removal", "journal: new file", "journal: drop"]) {
      const { disk, storage, fail } = await start({ idle: 20 });
      fail("EIO", (_, at) => at === place);
      await expect(storage.erase(A)).rejects.toMatchObject({ code: "failed" });
      disk.fault = undefined;
      await expect.poll(() => marksIn(disk.everything()), { message: place }).toEqual([]);
      await expect.poll(() => storage.erase(A).catch(({ code }: { code: string }) => code)).toBe("absent");
      await storage[Symbol.asyncDispose]();
    }
  });

  test("a copy of it that could be neither finished nor removed goes with it", async () => {
    const { disk, storage, fail } = await start({ checkpointBytes: 1, checkpointShare: 0 });
    fail("EIO", (operation, at) => at === "checkpoint: file" || (operation === "unlink" && at.includes("/temporary/")));
    await storage.change(A, async (store) => store.put("notes", "o", { text: "what A wrote last" }));
    await expect.poll(async () => (await disk.list("/disk/data/temporary")).length).toBeGreaterThan(0);
    disk.fault = undefined;
    await storage.erase(A);
    expect(await disk.list("/disk/data/temporary")).toEqual([]);
    expect(marksIn(disk.everything())).toEqual([]);
  });
});

test("a copy of the store that is being written meanwhile does not come to stay", async () => {
  const { disk, storage } = await start({ checkpointBytes: 1, checkpointShare: 0 });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let writing = false;
  disk.beforeSync = async (site) => {
    if (site !== "checkpoint: file" || writing) return;
    writing = true;
    await held;
  };
  await storage.change(A, async (store) => store.put("notes", "o", { text: "what A wrote last" }));
  await expect.poll(() => writing).toBe(true);
  const erasing = storage.erase(A);
  await expect.poll(() => storage.read(A, async () => "there").catch(({ code }: { code: string }) => code)).toBe("absent");
  release();
  await erasing;
  await expectGone(storage);
  expect(marksIn(disk.everything())).toEqual([]);
});

describe("entries of feeds", () => {
  const X: FeedName = "events/x";
  const entries = async (storage: Storage<ToyRows>) => (await storage.readFeed(X, { limit: 1000 })).map(([, entry]) => entry);
  const append = (storage: Storage<ToyRows>, id: string, entry: string) => storage.change(id, async (store) => store.append(X, entry));

  for (const place of ["feed's page: file", "feed's head: file", "feed's head: folder"])
    test(`an erased store's stay, and if "${place}" fails the journal that has them does too`, async () => {
      const { disk, storage, fail } = await start({ feedPage: 2 });
      for (const n of range(5)) await append(storage, n % 2 === 0 ? A : B, `entry ${n}`);
      fail("EIO", (_, at) => at === place);
      await expect(storage.erase(A)).rejects.toMatchObject({ code: "failed" });
      await expectGone(storage);
      const all = range(5).map((n) => `entry ${n}`);
      for (const fate of ["nothing", "everything"] as const) {
        const left = disk.survivor(fate);
        const next = await openOn(left, { feedPage: 2 });
        expect(await entries(next)).toEqual(all);
        expect(marksIn(left.everything())).toEqual([]);
      }
      disk.fault = undefined;
      await storage.erase(A);
      expect(marksIn(disk.everything())).toEqual([]);
      expect(await entries(storage)).toEqual(all);
      await append(storage, B, "entry 5");
      expect(await entries(await openOn(disk.survivor("nothing"), { feedPage: 2 }))).toEqual([...all, "entry 5"]);
    });

  test("one that was taken out is in no file soon, wherever it was", async () => {
    const { disk, storage } = await start({ idle: 30, feedPage: 2 });
    const left = () => disk.everything();
    await append(storage, A, "what was told first");
    await storage.append(X, ["what was told second", "what stays"]);
    await storage.append("events/y", ["what was told to another"]);
    // Some of it in pages, the rest in the journal.
    await storage.erase(B);
    await append(storage, A, "what was told third");
    await storage.removeFromFeed(X, [1, 2, 4]);
    await storage.removeFromFeed("events/y", [1]);
    await expect.poll(left, PATIENT).not.toContain("what was told");
    expect(left()).toContain("what stays");
    expect(await entries(storage)).toEqual(["what stays"]);
    expect(await storage.read(A, (store) => store.list("notes", { limit: 9 }))).toHaveLength(2);
    // Also after a restart, and if it fails at first.
    await storage.append(X, ["what was told last"]);
    const crashed = disk.survivor("nothing");
    const next = await openOn(crashed, { idle: 30, feedPage: 2 });
    crashed.fault = (_, at) => {
      if (at === "feed's head: file") throw code("EIO");
    };
    await next.removeFromFeed(X, [5]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(crashed.everything()).toContain("what was told");
    const again = crashed.survivor("everything");
    const last = await openOn(again, { idle: 30, feedPage: 2 });
    await expect.poll(() => again.everything(), PATIENT).not.toContain("what was told");
    expect(await entries(last)).toEqual(["what stays"]);
  });

  test("to clean up after those taken out takes a small share of the time", async () => {
    const clock = { now: 1e12 };
    const disk = new SimulatedDisk();
    const storage = await openOn(disk, { idle: 30, now: () => clock.now });
    disk.beforeSync = async (site) => {
      if (site === "feed's head: file") clock.now += 1000;
    };
    const files = () => disk.syncs.filter(({ site }) => site === "journal: new file").length;
    const before = files();
    for (const n of range(3)) {
      await storage.append(X, [`told ${n}`]);
      await storage.removeFromFeed(X, [n + 1]);
      if (n > 0) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(files()).toBe(before + n);
        clock.now += 20_000;
      }
      await expect.poll(() => disk.everything(), PATIENT).not.toContain(`told ${n}`);
      expect(files()).toBe(before + n + 1);
    }
  });
});

test("others are answered while a store is taken off the disk", async () => {
  const { disk, storage } = await start();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.beforeSync = (site) => (site.startsWith("checkpoint") ? held : Promise.resolve());
  let erased = false;
  const erasing = storage.erase(A).then(() => {
    erased = true;
  });
  for (const n of range(20)) await storage.change(B, async (store) => store.put("sums", `s${n}`, { total: n }));
  expect(await storage.read(B, (store) => store.list("sums", { limit: 99 }))).toHaveLength(21);
  await storage.create(storeId("c"), async () => {});
  expect(erased).toBe(false);
  release();
  await erasing;
});

test("those who erase at the same time share the work", async () => {
  const disk = new SimulatedDisk();
  const storage = await openOn(disk);
  const ids = range(40).map((n) => storeId(`s${n}`));
  await Promise.all(ids.map((id) => storage.create(id, async () => {})));
  const before = disk.syncs.length;
  await Promise.all(ids.map((id) => storage.erase(id)));
  const sites = disk.syncs.slice(before).map(({ site }) => site);
  expect(sites.filter((site) => site === "journal: new file").length).toBeLessThan(8);
});

test("a store from before names were kept with it loses its names too", async () => {
  const { disk, storage } = await start();
  await storage[Symbol.asyncDispose]();
  const path = `/disk/data/stores/a_/__/${A}.json`;
  const document = JSON.parse((await disk.read(path))?.toString() ?? "") as { data: { tables: Record<string, unknown> } };
  expect(Object.keys(document.data.tables)).toContain(".names");
  delete document.data.tables[".names"];
  const json = JSON.stringify(document.data);
  await disk.unlink(path);
  const file = await disk.create(path);
  await file.write(Buffer.from(`{"crc32":"${crc32(json).toString(16).padStart(8, "0")}","data":${json}}\n`), 0);
  const again = await openOn(disk);
  await again.change(A, async (store) => store.point("locator", "later-of-a"));
  await again.erase(A);
  await expectGone(again);
  expect(marksIn(disk.everything())).toEqual([]);
});

test("on real files: after many versions, checkpoints, restarts, no byte of it is left", async () => {
  const folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const open = () => openFileStorage<ToyRows>({ folder, idle: 20, segmentBytes: 2000, checkpointBytes: 500, pendingPointers: 3 });
  const first = await open();
  await fill(first);
  for (const n of range(60)) {
    await first.change(A, async (store) => {
      store.put("notes", `n${n % 7}`, { text: `what A wrote ${n}` });
      store.point("grant", `name-of-a-${n}`);
      store.due(100 + n);
      store.append("events/x", `told ${n}`);
    });
    await first.change(B, async (store) => store.put("sums", `s${n}`, { total: n }));
  }
  await first[Symbol.asyncDispose]();
  await writeFile(join(folder, "temporary", "1-1.tmp"), "what A wrote, and a crash has left");
  const second = await open();
  await more(second);
  const everything = async (): Promise<string> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts = entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path}\n${entry.isFile() ? await readFile(path, "latin1") : ""}`;
    });
    return (await Promise.all(texts)).join("\n");
  };
  expect(marksIn(await everything())).toEqual(MARKS);
  await second.erase(A);
  expect(marksIn(await everything())).toEqual([]);
  expect(await second.read(B, (store) => store.list("sums", { limit: 99 }))).toHaveLength(61);
  await second[Symbol.asyncDispose]();
  expect(marksIn(await everything())).toEqual([]);
  const third = await open();
  expect(await third.read(B, (store) => store.list("sums", { limit: 99 }))).toHaveLength(61);
  expect((await third.readFeed("events/x", { limit: 99 })).map(([, entry]) => entry)).toEqual(range(60).map((n) => `told ${n}`));
  await third[Symbol.asyncDispose]();
});
