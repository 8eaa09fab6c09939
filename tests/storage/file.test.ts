import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Disk, type DiskFile, nodeDisk } from "../../server/storage/file/disk.ts";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage, StoreWriter } from "../../server/storage/storage.ts";
import { range, storageContract, storeId, type ToyRows } from "./contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const variants: Array<[name: string, options: Partial<FileStorageOptions>]> = [
  ["file engine", {}],
  ["file engine that keeps nothing for long", { cacheBytes: 1, segmentBytes: 1, checkpointBytes: 1, pendingPointers: 0 }],
  ["file engine, often idle", { idle: 1, segmentAge: 0 }],
];

for (const [name, options] of variants) {
  storageContract(name, async () => {
    const folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
    const clock = { now: Date.now() };
    const open = () => openFileStorage<ToyRows>({ folder, now: () => clock.now, ...options });
    let storage = await open();
    return {
      storage,
      clock,
      async reopen() {
        await storage[Symbol.asyncDispose]();
        storage = await open();
        return storage;
      },
      async remove() {
        await storage[Symbol.asyncDispose]();
        await rm(folder, { recursive: true });
      },
    };
  });
}

describe("on the disk", () => {
  let folder: string;
  const opened: Array<Storage<ToyRows>> = [];
  const open = async (options: Partial<FileStorageOptions> = {}) => {
    const storage = await openFileStorage<ToyRows>({ folder, idle: 1e9, ...options });
    opened.push(storage);
    return storage;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
  });
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const put = (storage: Storage<ToyRows>, id: string, total: number) =>
    storage.change(id, async (store) => store.put("sums", "s", { total }));

  test("16 who change one store at once share a few syncs", async () => {
    const { disk, counts } = countingDisk();
    const storage = await open({ disk });
    await storage.create(storeId("a"), async () => {});
    counts.frames = 0;
    await Promise.all(range(16).map((n) => put(storage, storeId("a"), n)));
    expect(counts.frames).toBeGreaterThan(0);
    expect(counts.frames).toBeLessThanOrEqual(2);
  });

  test("opening reads a number of files that does not grow with the stores, and lists no folder of theirs", async () => {
    const { disk, counts } = countingDisk();
    const openings: unknown[] = [];
    for (const stores of [2, 200]) {
      const first = await open();
      for (const n of range(stores)) {
        await first.create(storeId(`${stores}-${n}`), async (store) => {
          store.put("sums", "s", { total: n });
          store.point("grant", `${stores}-${n}`);
          store.due(1e12 + n);
        });
      }
      await first[Symbol.asyncDispose]();
      Object.assign(counts, { reads: 0, lists: 0, bytes: 0 });
      const second = await open({ disk });
      openings.push({ ...counts });
      await second.read(storeId("2-1"), (store) => store.get("sums", "s"));
      expect(counts.reads).toBe((openings.at(-1) as typeof counts).reads + 1);
      expect(await second.find("grant", "2-1")).toBe(storeId("2-1"));
      expect(await second.findDue(1e12 + 1, 1)).toEqual([storeId("2-0")]);
      const { lists, reads } = counts;
      expect(await second.findDue(1e12 + 1, 9)).toHaveLength(stores === 2 ? 2 : 4);
      expect([counts.lists, counts.reads], "what waits is listed once").toEqual([lists, reads]);
      await second[Symbol.asyncDispose]();
    }
    expect(openings[1]).toEqual(openings[0]);
    expect((openings[0] as typeof counts).reads).toBeGreaterThan(0);
  });

  test("a store is written to its document, and the journal is let go", async () => {
    const storage = await open({ idle: 10, segmentAge: 0 });
    await storage.create(storeId("abcd"), async (store) => store.put("notes", "n", { text: "findable" }));
    const document = join(folder, "stores/ab/cd", `${storeId("abcd")}.json`);
    await expect.poll(() => readFile(document, "utf8").catch(() => "")).toContain("findable");
    const { data } = JSON.parse(await readFile(document, "utf8"));
    expect(data).toEqual({ store: storeId("abcd"), through: 1, tables: { ".names": [["", 1]], notes: [["n", { text: "findable" }]] } });
    await expect.poll(async () => (await journalText(folder)).includes("findable")).toBe(false);
  });

  test("a commit costs what it changes: the document is not written for each", async () => {
    const { disk, counts } = countingDisk();
    const storage = await open({ disk });
    await storage.create(storeId("a"), async (store) => {
      for (const n of range(2000)) store.put("notes", `n${n}`, { text: "x".repeat(100) });
    });
    await storage.change(storeId("a"), async () => {});
    counts.bytes = 0;
    for (const n of range(100)) await put(storage, storeId("a"), n);
    expect(counts.bytes).toBeGreaterThan(1000);
    expect(counts.bytes).toBeLessThan(400_000);
  });

  test("files are 0600, folders 0700, and nothing temporary stays", async () => {
    const storage = await open();
    await storage.create(storeId("a"), async (store) => store.point("grant", "name"));
    await storage.putDocument("vendors/v", 1);
    await storage[Symbol.asyncDispose]();
    await writeFile(join(folder, "temporary", "1-1.tmp"), "left");
    await (await open())[Symbol.asyncDispose]();
    const seen: string[] = [];
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      seen.push(path.slice(folder.length + 1));
      expect([path, ((await stat(path)).mode & 0o777).toString(8)]).toEqual([path, entry.isDirectory() ? "700" : "600"]);
    }
    expect(seen).toContain(`stores/a_/__/${storeId("a")}.json`);
    expect(seen).toContain("pointers/grant/na/name.json");
    expect(seen.filter((path) => path.endsWith(".tmp") || path === "lock")).toEqual([]);
  });

  test("a bad document fails that store alone", async () => {
    const first = await open();
    for (const name of ["good", "badd"])
      await first.create(storeId(name), async (store) => store.put("notes", "n", { text: "plain text" }));
    await first[Symbol.asyncDispose]();
    const path = join(folder, "stores/ba/dd", `${storeId("badd")}.json`);
    await writeFile(path, (await readFile(path, "utf8")).replace("plain", "plaim"));
    const storage = await open();
    await expect(storage.read(storeId("badd"), async () => 1)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(path),
    });
    await expect(put(storage, storeId("badd"), 1)).rejects.toMatchObject({ code: "corrupt" });
    await put(storage, storeId("good"), 1);
    await rm(path);
    await expect(storage.read(storeId("badd"), async () => 1)).rejects.toMatchObject({ code: "absent" });
  });

  test("a document of another store, or newer than the journal, is corrupt", async () => {
    const first = await open();
    for (const name of ["aaaa", "bbbb"]) await first.create(storeId(name), async () => {});
    await first[Symbol.asyncDispose]();
    await writeFile(
      join(folder, "stores/aa/aa", `${storeId("aaaa")}.json`),
      await readFile(join(folder, "stores/bb/bb", `${storeId("bbbb")}.json`)),
    );
    const second = await open();
    await expect(second.read(storeId("aaaa"), async () => 1)).rejects.toMatchObject({ code: "corrupt" });
    await second[Symbol.asyncDispose]();
    await rm(join(folder, "journal"), { recursive: true });
    await expect((await open()).read(storeId("bbbb"), async () => 1)).rejects.toMatchObject({ code: "corrupt" });
  });

  test("the cache is bounded: what was evicted is read again, with all that was changed", async () => {
    const { disk, counts } = countingDisk();
    const storage = await open({ disk, cacheBytes: 50_000 });
    for (const n of range(30)) await storage.create(storeId(`s${n}`), async (store) => store.put("notes", "n", { text: "x".repeat(5000) }));
    counts.reads = 0;
    for (const n of range(30)) await put(storage, storeId(`s${n}`), n);
    expect(counts.reads).toBeGreaterThan(15);
    for (const n of range(30)) expect(await storage.read(storeId(`s${n}`), (store) => store.get("sums", "s"))).toEqual({ total: n });
    counts.reads = 0;
    for (const n of range(20)) await put(storage, storeId("s29"), n);
    expect(counts.reads).toBe(0);
  });

  test("a store is written when its share of the journal has grown, and pointers when there are many", async () => {
    const storage = await open({ checkpointBytes: 2000, pendingPointers: 3 });
    const path = join(folder, "stores/ab/cd", `${storeId("abcd")}.json`);
    const through = async () => JSON.parse(await readFile(path, "utf8").catch(() => '{"data":{"through":0}}')).data.through;
    await storage.create(storeId("abcd"), async () => {});
    for (const n of range(10)) await put(storage, storeId("abcd"), n);
    expect(await through()).toBe(0);
    for (const n of range(30)) await put(storage, storeId("abcd"), n);
    await expect.poll(through).toBeGreaterThan(20);
    const names = () => readdir(join(folder, "pointers/grant"));
    for (const n of range(3)) await storage.change(storeId("abcd"), async (store) => store.point("grant", `n${n}`));
    expect(await names()).toEqual([]);
    await storage.change(storeId("abcd"), async (store) => store.point("grant", "n4"));
    await expect.poll(names).toEqual(["n0", "n1", "n2", "n4"]);
  });

  test("a pointer's file under a name that differs in case only is no pointer", async () => {
    const storage = await open();
    await storage.create(storeId("a"), async (store) => store.point("grant", "name"));
    await storage[Symbol.asyncDispose]();
    const path = join(folder, "pointers/grant/na/name.json");
    await writeFile(path.replace("name.json", "naME.json"), await readFile(path));
    const again = await open();
    expect([await again.find("grant", "name"), await again.find("grant", "naME")]).toEqual([storeId("a"), undefined]);
  });

  test("20 who put one document share two writes", async () => {
    const disk = new SimulatedDisk();
    const storage = await open({ folder: "/disk/data", disk });
    await Promise.all(range(20).map((n) => storage.putDocument("settings", { n })));
    expect(disk.syncs.filter(({ site }) => site === "document: file")).toHaveLength(2);
  });

  test("the journal stays short, however fast changes come", async () => {
    const disk = new SimulatedDisk();
    disk.beforeSync = async (site) => {
      if (site === "checkpoint: file") await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const storage = await open({ folder: "/disk/data", disk, segmentBytes: 1 });
    let longest = 0;
    await Promise.all(
      range(5).map(async (writer) => {
        for (const n of range(40)) {
          await storage.create(storeId(`s${writer}-${n}`), async () => {});
          longest = Math.max(longest, (await disk.list("/disk/data/journal")).length);
        }
      }),
    );
    expect(longest).toBeGreaterThan(2);
    expect(longest).toBeLessThan(25);
  });

  test("what goes on after its work is over is refused, not lost", async () => {
    const storage = await open();
    let late: StoreWriter<ToyRows> | undefined;
    await storage.create(storeId("a"), async (store) => {
      late = store;
    });
    expect(() => late?.put("sums", "s", { total: 1 })).toThrow(TypeError);
    await expect(late?.get("sums", "s")).rejects.toBeInstanceOf(TypeError);
    await storage.read(storeId("a"), async (store) => {
      late = store as StoreWriter<ToyRows>;
    });
    await expect(late?.list("sums", { limit: 1 })).rejects.toBeInstanceOf(TypeError);
  });

  test("in a store of 100 000 rows a list costs what it answers, and a change what it touches", async () => {
    const { disk, counts } = countingDisk();
    const storage = await open({ disk });
    const key = (n: number) => `k${String(n).padStart(6, "0")}`;
    await storage.create(storeId("big"), async (store) => {
      for (const n of range(100_000)) store.put("sums", key(n), { total: n });
    });
    // Behind the checkpoint.
    await storage[Symbol.asyncDispose]();
    const again = await open({ disk });
    await put(again, storeId("big"), 1);
    Object.assign(counts, { bytes: 0, reads: 0 });
    for (const n of range(200)) await again.change(storeId("big"), async (store) => store.put("sums", `${key(n * 500)}+`, { total: n }));
    const list = performance.now();
    for (const n of range(200)) {
      const rows = await again.read(storeId("big"), (store) => store.list("sums", { prefix: key(n * 500), limit: 10 }));
      expect(rows.map(([, { total }]) => total)).toEqual([n * 500, n]);
    }
    const end = performance.now();
    expect(counts.reads).toBe(0);
    expect(counts.bytes).toBeLessThan(200 * 200);
    // Were each list a look at every key, 200 would cost as much as 200 whole ones.
    await again.read(storeId("big"), (store) => store.list("sums", { limit: 100_000 }));
    expect(end - list).toBeLessThan(20 * (performance.now() - end));
  });

  test("a folder of a newer layout, and one that is no data folder, are refused", async () => {
    await (await open())[Symbol.asyncDispose]();
    await writeFile(join(folder, "layout.json"), '{"version":2}');
    await expect(open()).rejects.toMatchObject({ code: "layout", message: expect.stringContaining("2") });
    await writeFile(join(folder, "layout.json"), "");
    await expect(open()).rejects.toMatchObject({ code: "layout" });
    await rm(join(folder, "layout.json"));
    await expect(open()).rejects.toMatchObject({ code: "layout" });
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await (await open({ folder: join(folder, "made/on/the/way") })).create(storeId("a"), async () => {});
  });

  describe("journal", () => {
    // Left as by a crash: a second folder with what the first has on the disk now.
    const crashed = async (write: (storage: Storage<ToyRows>) => Promise<void>, options: Partial<FileStorageOptions> = {}) => {
      const storage = await open(options);
      await write(storage);
      const copy = await mkdtemp(join(folder, "copy-"));
      await cp(folder, copy);
      return copy;
    };
    const segments = async (root: string) => (await readdir(join(root, "journal"))).sort().map((name) => join(root, "journal", name));
    const three = async (storage: Storage<ToyRows>) => {
      await storage.create(storeId("a"), async (store) => store.put("sums", "s", { total: 1 }));
      await put(storage, storeId("a"), 2);
      await put(storage, storeId("a"), 3);
    };
    const total = async (root: string) => (await open({ folder: root })).read(storeId("a"), (store) => store.get("sums", "s"));

    test("is replayed", async () => {
      expect(await total(await crashed(three))).toEqual({ total: 3 });
    });

    test("a torn last frame is dropped, wherever it is torn, and the next change goes on", async () => {
      const root = await crashed(three);
      const [path = ""] = await segments(root);
      const whole = await readFile(path);
      const last = whole.lastIndexOf("#");
      for (let length = last; length < whole.length; length += 7) {
        await writeFile(path, whole.subarray(0, length));
        const storage = await open({ folder: root });
        expect(await storage.read(storeId("a"), (store) => store.get("sums", "s"))).toEqual({ total: 2 });
        await put(storage, storeId("a"), 4);
        await storage[Symbol.asyncDispose]();
        expect(await total(root)).toEqual({ total: 4 });
        for (const each of opened.splice(1)) await each[Symbol.asyncDispose]();
        for (const each of ["journal", "stores"]) await rm(join(root, each), { recursive: true });
        await mkdir(join(root, "journal"));
      }
    });

    test("a last frame of zeros is dropped", async () => {
      const root = await crashed(three);
      const [path = ""] = await segments(root);
      await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(5000)]));
      expect(await total(root)).toEqual({ total: 3 });
    });

    test("nothing torn stays in a file that lines went on in", async () => {
      const root = await crashed(three);
      const [path = ""] = await segments(root);
      await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(5000)]));
      const storage = await open({ folder: root, segmentBytes: 1000, disk: { ...nodeDisk, unlink: async () => {} } });
      for (const n of range(20)) await put(storage, storeId("a"), n);
      expect((await segments(root)).length).toBeGreaterThan(1);
      const copy = await mkdtemp(join(folder, "copy-"));
      await cp(root, copy);
      expect(await total(copy)).toEqual({ total: 19 });
    });

    test("a bad frame before a good one is refused, by file and offset", async () => {
      const root = await crashed(three);
      const [path = ""] = await segments(root);
      const whole = await readFile(path);
      const second = whole.indexOf("#", whole.indexOf("#", 1) + 1);
      for (const offset of [second, second + 20, second + 50]) {
        const bad = Buffer.from(whole);
        bad.writeUInt8(bad.readUInt8(offset) ^ 1, offset);
        await writeFile(path, bad);
        await expect(open({ folder: root })).rejects.toMatchObject({
          code: "corrupt",
          message: expect.stringMatching(`${path}.*${second}`),
        });
      }
    });

    test("a missing file, and a bad end of a file that is not the last, are refused", async () => {
      const root = await crashed(
        async (storage) => {
          await storage.create(storeId("a"), async () => {});
          for (const n of range(4)) await put(storage, storeId("a"), n);
        },
        { segmentBytes: 1, disk: { ...nodeDisk, unlink: async () => {} } },
      );
      const [, , third = "", fourth = ""] = await segments(root);
      const whole = await readFile(third);
      await writeFile(third, whole.subarray(0, -1));
      await expect(open({ folder: root })).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(third) });
      await writeFile(third, whole);
      const next = await readFile(fourth);
      await rm(fourth);
      await expect(open({ folder: root })).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(fourth) });
      await writeFile(fourth, next);
      expect(await total(root)).toEqual({ total: 3 });
    });

    test("lines without their store's document are refused for that store", async () => {
      const root = await crashed(async (storage) => {
        await storage.create(storeId("a"), async () => {});
        await storage[Symbol.asyncDispose]();
        await put(await open(), storeId("a"), 1);
      });
      await rm(join(root, "stores"), { recursive: true });
      await expect(total(root)).rejects.toMatchObject({ code: "corrupt" });
    });
  });
});

async function cp(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.name === "lock" || entry.name.startsWith("copy-")) continue;
    if (!entry.isDirectory()) await writeFile(join(to, entry.name), await readFile(join(from, entry.name)));
    else {
      await mkdir(join(to, entry.name));
      await cp(join(from, entry.name), join(to, entry.name));
    }
  }
}

async function journalText(folder: string): Promise<string> {
  const names = await readdir(join(folder, "journal"));
  return (await Promise.all(names.map((name) => readFile(join(folder, "journal", name), "utf8").catch(() => "")))).join("");
}

function countingDisk(): { disk: Disk; counts: { reads: number; lists: number; frames: number; bytes: number } } {
  const counts = { reads: 0, lists: 0, frames: 0, bytes: 0 };
  const counting = <Counted extends DiskFile>(file: Counted): Counted => ({
    ...file,
    write(bytes: Uint8Array, position: number) {
      counts.bytes += bytes.length;
      return file.write(bytes, position);
    },
  });
  const disk: Disk = {
    ...nodeDisk,
    read(path) {
      counts.reads++;
      return nodeDisk.read(path);
    },
    list(path) {
      counts.lists++;
      return nodeDisk.list(path);
    },
    async open(path) {
      const file = counting(await nodeDisk.open(path));
      return {
        ...file,
        append(bytes, position, site) {
          counts.bytes += bytes.length;
          if (site === "journal: frame") counts.frames++;
          return file.append(bytes, position, site);
        },
      };
    },
    create: async (path) => counting(await nodeDisk.create(path)),
  };
  return { disk, counts };
}
