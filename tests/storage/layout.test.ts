import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Notice, openFileStorage } from "../../server/storage/file/open.ts";
import type { FeedName, Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { type Fate, SimulatedDisk } from "./simulated-disk.ts";

const [A, B, C] = ["a", "b", "c"].map(storeId) as [string, string, string];
const SHOP: FeedName = "events/https://shop.example";
const layout1 = JSON.parse(await readFile(new URL("./fixtures/layout-1.json", import.meta.url), "utf8")) as Record<string, string>;

/** What the program of layout 1 answered over this folder when it was killed: two documents, and lines of all of them in the journal. */
async function expectWhole(storage: Storage<ToyRows>): Promise<void> {
  const rows = (id: string) => storage.read(id, async (store) => [await store.listAll({ limit: 100 }), await store.bearings()] as const);
  const later = range(3).map((n) => ["notes", `later ${n}`, { text: "" }]);
  expect(await rows(A)).toEqual([
    [...later, ["notes", "n", { text: "first of a", tags: ["a"] }], ["sums", "s", { total: 12 }]],
    {
      names: [
        ["grant", "grant-a"],
        ["locator", "locator-a"],
      ],
      due: 1000,
    },
  ]);
  expect(await rows(B)).toEqual([[["sums", "s", { total: 1 }]], { names: [["grant", "grant-b"]], due: null }]);
  expect(await rows(C)).toEqual([[["sums", "s", { total: 5 }]], { names: [["grant", "grant-c"]], due: null }]);
  expect(await storage.listStores({ limit: 9 })).toEqual([A, B, C]);
  const names = ["grant-a", "grant-b", "grant-c", "grant-gone"];
  expect(await Promise.all(names.map((name) => storage.find("grant", name)))).toEqual([A, B, C, undefined]);
  expect([await storage.find("locator", "locator-a"), await storage.find("locator", "locator-b")]).toEqual([A, undefined]);
  expect(await storage.findDue(1e9, 9)).toEqual([A]);
  expect(await storage.readFeed(SHOP, { limit: 99 })).toEqual([
    [3, { of: "gone", n: 1 }],
    [4, { n: 2 }],
    [6, { n: 4 }],
    ...range(3).map((n) => [7 + n, { of: "a", n: 10 + n }]),
  ]);
  expect(await storage.listDocuments({ limit: 9 })).toEqual(["keys", "streams/https://shop.example", "vendors/https://shop.example"]);
  expect(await storage.getDocument("keys")).toEqual({ k: 1 });
  expect(storage.listDamaged()).toEqual([]);
}

describe("a folder of the layout before", () => {
  let folder: string;
  const opened: Array<Storage<ToyRows>> = [];
  const open = async (tell?: (notice: Notice) => void) => {
    const storage = await openFileStorage<ToyRows>({ folder, idle: 1e9, ...(tell !== undefined && { tell }) });
    opened.push(storage);
    return storage;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
    for (const [path, text] of Object.entries(layout1)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test("is opened, said to be upgraded once, and holds all that it held, also after changes and another opening", async () => {
    const told: Notice[] = [];
    const storage = await open((notice) => told.push(notice));
    expect(told).toEqual([{ kind: "upgraded", from: 1 }]);
    expect(JSON.parse(await readFile(join(folder, "layout.json"), "utf8"))).toEqual({ version: 2 });
    await expectWhole(storage);
    // On the document, on the lines of the old program, and on none of both.
    for (const id of [A, B, C]) await storage.change(id, async (store) => store.put("notes", "after", { text: "upgrade" }));
    await storage.append("changes/x", [1]);
    await storage[Symbol.asyncDispose]();
    const again = await open((notice) => told.push(notice));
    expect(told).toHaveLength(1);
    for (const id of [A, B, C]) await again.change(id, async (store) => store.delete("notes", "after"));
    await expectWhole(again);
    expect(await again.readFeed("changes/x", { limit: 9 })).toEqual([[1, 1]]);
    await again[Symbol.asyncDispose]();
    await expectWhole(await open());
  });

  test("that is newer, or says nothing readable, is refused with what to do, and not touched", async () => {
    for (const [text, words] of [
      ['{"version":3}', "start the one that wrote it, or a newer one"],
      ['{"version":0}', "reads versions 1 to 2"],
      ["\0\0\0\0", 'write {"version":2} into it'],
    ] as const) {
      await writeFile(join(folder, "layout.json"), text);
      await expect(open()).rejects.toMatchObject({ code: "layout", message: expect.stringContaining(words) });
      expect(await readFile(join(folder, "layout.json"), "utf8")).toBe(text);
      expect(await readFile(join(folder, "journal/0000000002.journal"), "utf8")).toBe(layout1["journal/0000000002.journal"]);
    }
  });
});

describe("a crash while a folder is upgraded", () => {
  const openOn = (disk: SimulatedDisk) =>
    openFileStorage<ToyRows>({
      folder: "/disk/data",
      disk,
      idle: 1e9,
      processes: { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} },
    });

  test("leaves one that is opened, and that the older program either reads as ever or refuses", async () => {
    const whole = new SimulatedDisk();
    const measured = whole.copy();
    await lay(measured);
    const { operations: laid } = measured;
    await openOn(measured);
    expect(measured.operations - laid).toBeGreaterThan(15);
    for (let crashAt = laid + 1; crashAt <= measured.operations + 8; crashAt++) {
      for (const fate of ["nothing", "everything", (below: number) => (crashAt * 7) % below] as Fate[]) {
        const disk = new SimulatedDisk();
        await lay(disk);
        disk.crashAt = crashAt;
        await openOn(disk)
          .then((storage) => storage.change(A, async (store) => store.put("notes", "after", { text: "upgrade" })))
          .catch(() => {});
        const left = disk.survivor(fate);
        const layout = `${await left.read("/disk/data/layout.json")}`;
        const journal = `${await left.read("/disk/data/journal/0000000002.journal")}`;
        expect(['{"version":1}\n', '{"version":2}\n']).toContain(layout);
        if (layout.includes("1")) expect(journal).toBe(layout1["journal/0000000002.journal"]);
        const storage = await openOn(left);
        await storage.change(A, async (store) => store.delete("notes", "after"));
        await expectWhole(storage);
      }
    }
  });
});

async function lay(disk: SimulatedDisk): Promise<void> {
  const folders = new Set<string>();
  for (const [path, text] of Object.entries(layout1)) {
    const parts = `disk/data/${path}`.split("/");
    for (const at of range(parts.length).slice(2)) {
      const folder = `/${parts.slice(0, at).join("/")}`;
      await disk.makeFolder(folder);
      folders.add(folder);
    }
    const file = await disk.create(`/disk/data/${path}`);
    await file.write(Buffer.from(text), 0);
    await file.sync("");
  }
  for (const folder of ["/disk", ...folders]) await disk.syncFolder(folder, "");
}
