import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Disk, type DiskFile, nodeDisk } from "../../server/storage/file/disk.ts";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { FeedName, Storage, StoreWriter } from "../../server/storage/storage.ts";
import { range, storageContract, storeId, type ToyRows } from "./contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const variants: Array<[name: string, options: Partial<FileStorageOptions>]> = [
  ["file engine", {}],
  [
    "file engine that keeps nothing for long",
    { cacheBytes: 1, segmentBytes: 1, checkpointBytes: 1, pendingPointers: 0, pendingFeedBytes: 0, feedPage: 3 },
  ],
  ["file engine, often idle", { idle: 1, segmentAge: 0, feedPage: 8 }],
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

  describe("feeds", () => {
    const X: FeedName = "events/x";
    const Y: FeedName = "events/y";
    const fill = async (feeds: number, entries: number) => {
      const storage = await open();
      for (const n of range(feeds)) {
        await storage.append(`events/${n}`, range(entries));
        await storage.removeFromFeed(`events/${n}`, [1]);
      }
      await storage[Symbol.asyncDispose]();
    };
    /** The head's file and those of pages, by the feed's name. */
    const files = async (name: FeedName) => {
      const place = join(folder, "feeds");
      for (const part of await readdir(place))
        for (const hash of await readdir(join(place, part))) {
          const head = await readFile(join(place, part, hash, "head.json"), "utf8");
          if (!head.includes(`"${name}"`)) continue;
          const pages = (await readdir(join(place, part, hash))).filter((each) => /^\d/.test(each)).sort();
          return { head: join(place, part, hash, "head.json"), pages: pages.map((each) => join(place, part, hash, each)) };
        }
      throw new Error("no such feed");
    };
    const positions = async (storage: Storage<ToyRows>, name = X) =>
      (await storage.readFeed(name, { limit: 1000 })).map(([position]) => position);

    test("opening reads nothing of them, and reading one costs what it answers", async () => {
      const { disk, counts } = countingDisk();
      const openings: unknown[] = [];
      for (const [feeds, entries] of [
        [1, 10],
        [30, 1000],
      ] as const) {
        await fill(feeds, entries);
        Object.assign(counts, { reads: 0, lists: 0, bytes: 0, frames: 0 });
        const storage = await open({ disk });
        openings.push({ ...counts });
        const { reads, lists } = counts;
        expect(await storage.readFeed("events/0", { after: 3, limit: 2 })).toHaveLength(2);
        expect([counts.reads, counts.lists - lists], "the head and one page, and whether there is anything late").toEqual([reads + 2, 1]);
        for (const n of range(5)) await storage.readFeed("events/0", { after: n + 2, limit: 2 });
        await storage.append("events/0", ["new"]);
        expect(counts.reads).toBe(reads + 2);
        const bytes = counts.bytes;
        await storage.removeFromFeed("events/0", [5]);
        expect(counts.bytes - bytes).toBeLessThan(300);
        await storage[Symbol.asyncDispose]();
      }
      expect(openings[1]).toEqual(openings[0]);
    });

    test("few of them are kept in memory", async () => {
      await fill(100, 3);
      const { disk, counts } = countingDisk();
      const storage = await open({ disk });
      for (const n of range(100)) await storage.readFeed(`events/${n}`, { limit: 9 });
      const { reads } = counts;
      await storage.readFeed("events/99", { limit: 9 });
      expect(counts.reads).toBe(reads);
      expect(await storage.readFeed("events/0", { limit: 9 })).toEqual([
        [2, 1],
        [3, 2],
      ]);
      expect(counts.reads).toBe(reads + 2);
    });

    test("they are written when there is much of them in the journal only, each page once", async () => {
      const { disk, counts } = countingDisk();
      const storage = await open({ disk, pendingFeedBytes: 100_000 });
      for (const n of range(10))
        await storage.append(
          X,
          range(20).map((m) => `${n * 20 + m} ${"x".repeat(200)}`),
        );
      expect(await readdir(join(folder, "feeds"))).toEqual([]);
      for (const n of range(100))
        await storage.append(
          X,
          range(20).map((m) => `${n * 20 + m} ${"x".repeat(200)}`),
        );
      await expect.poll(async () => (await files(X)).pages.length).toBeGreaterThan(3);
      expect(counts.bytes).toBeLessThan(6 * 2200 * 220);
      expect(await positions(storage, X)).toEqual(range(1000).map((n) => n + 1));
    });

    test("a bad page is said, and confined to itself; a bad head to its feed; others are erased, let go, read", async () => {
      const first = await open({ feedPage: 2 });
      await first.create(storeId("a"), async () => {});
      await first.create(storeId("b"), async (store) => store.put("notes", "n", { text: "to be erased" }));
      for (const feed of [X, Y, "events/z"] as const) await first.append(feed, ["one", "two", "three", "four", "five"]);
      await first[Symbol.asyncDispose]();
      const page = (await files(X)).pages[2] as string;
      const { head } = await files(Y);
      const whole = new Map([
        [page, await readFile(page, "utf8")],
        [head, await readFile(head, "utf8")],
      ]);
      for (const [path, text] of whole) await writeFile(path, text.replace(/five|through/, "thugroh"));
      const badPage = { name: "StorageError", code: "corrupt", message: expect.stringContaining(page) };
      const badHead = { name: "StorageError", code: "corrupt", message: expect.stringContaining(head) };
      let storage = await open({ feedPage: 2 });
      expect(await storage.listFeeds("events", { limit: 9 })).toEqual([X, Y, "events/z"]);
      const check = async () => {
        expect(await storage.readFeed(X, { limit: 4 })).toHaveLength(4);
        await expect(storage.readFeed(X, { limit: 5 })).rejects.toMatchObject(badPage);
        await expect(storage.readFeed(Y, { limit: 1 })).rejects.toMatchObject(badHead);
        await expect(storage.removeFromFeed(Y, [1])).rejects.toMatchObject(badHead);
      };
      await check();
      expect(await storage.listFeeds("events", { limit: 9 }), "nor passed over").toEqual([X, Y, "events/z"]);
      for (const round of range(3)) {
        // Who changes a store is not stopped by what is wrong with what a shop is told.
        await storage.change(storeId("a"), async (store) => {
          for (const feed of [X, Y, "events/z"] as const) store.append(feed, `more ${round}`);
        });
        if (round === 1) await storage.erase(storeId("b"));
        await check();
        await storage[Symbol.asyncDispose]();
        expect(await journalText(folder), "nothing stays in the journal for it").not.toContain("more");
        storage = await open({ feedPage: 2 });
      }
      expect(await positions(storage, "events/z")).toHaveLength(8);
      await storage.removeFromFeed(X, [1]);
      await storage[Symbol.asyncDispose]();
      for (const [path, text] of whole) await writeFile(path, text);
      storage = await open({ feedPage: 2 });
      for (const again of [false, true]) {
        expect((await storage.readFeed(Y, { limit: 99 })).map(([, entry]) => entry)).toEqual([
          "one",
          "two",
          "three",
          "four",
          "five",
          ...range(3).map((n) => `more ${n}`),
          ...(again ? ["last"] : []),
        ]);
        expect(await positions(storage)).toEqual(range(again ? 8 : 7).map((n) => n + 2));
        if (again) break;
        for (const feed of [X, Y]) await storage.append(feed, ["last"]);
        await storage[Symbol.asyncDispose]();
        expect(await readdir(join(head, "../late"))).toEqual([]);
        storage = await open({ feedPage: 2 });
      }
    });

    test("files of another feed or page, missing ones, and a head newer than the journal are corrupt", async () => {
      const first = await open({ feedPage: 2 });
      for (const feed of [X, Y]) await first.append(feed, range(6));
      await first[Symbol.asyncDispose]();
      const x = await files(X);
      const y = await files(Y);
      const [one = "", two = ""] = x.pages;
      const contents = new Map(
        await Promise.all([x.head, ...x.pages, y.head, ...y.pages].map(async (path) => [path, await readFile(path)] as const)),
      );
      const bad: Array<[path: string, as: string | undefined]> = [
        [x.head, y.head],
        [x.head, undefined],
        [one, y.pages[0]],
        [one, two],
        [one, undefined],
      ];
      for (const [path, as] of bad) {
        if (as === undefined) await rm(path);
        else await writeFile(path, contents.get(as) as Buffer);
        const storage = await open({ feedPage: 2 });
        await expect(positions(storage)).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining(path) });
        expect(await positions(storage, Y)).toHaveLength(6);
        await storage[Symbol.asyncDispose]();
        await writeFile(path, contents.get(path) as Buffer);
      }
      await rm(join(folder, "journal"), { recursive: true });
      await expect(positions(await open({ feedPage: 2 }))).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("newer"),
      });
    });

    test("the length of pages may change between openings", async () => {
      const left = range(40).map((n) => n + 1);
      for (const feedPage of [4, 7, 2]) {
        const storage = await open({ feedPage });
        await storage.append(X, feedPage === 4 ? range(40) : [left.push((left.at(-1) as number) + 1)]);
        expect(await positions(storage)).toEqual(left);
        await storage.removeFromFeed(X, left.splice(5, 6));
        for (const after of [0, 3, 20])
          expect((await storage.readFeed(X, { after, limit: 1 }))[0]?.[0]).toBe(left.find((each) => each > after));
        await storage[Symbol.asyncDispose]();
      }
      expect(await positions(await open())).toEqual(left);
    });

    test("a pull pays nothing for them: no file but the journal is written, and its line has not grown", async () => {
      const { disk, counts } = countingDisk();
      const storage = await open({ disk });
      await storage.create(storeId("a"), async () => {});
      counts.bytes = 0;
      await put(storage, storeId("a"), 1);
      expect(counts.bytes).toBe(34 + `{"store":"${storeId("a")}","n":2,"rows":[["sums","s",{"total":1}]]}\n`.length);
    });
  });

  test("a store is written to its document, and the journal is let go", async () => {
    const storage = await open({ idle: 10, segmentAge: 0 });
    await storage.create(storeId("abcd"), async (store) => store.put("notes", "n", { text: "findable" }));
    const document = join(folder, "stores/ab/cd", `${storeId("abcd")}.json`);
    await expect.poll(() => readFile(document, "utf8").catch(() => "")).toContain("findable");
    const { data } = JSON.parse(await readFile(document, "utf8"));
    expect(data).toEqual({
      store: storeId("abcd"),
      through: 1,
      changes: 1,
      tables: { ".names": [["", 1]], notes: [["n", { text: "findable" }]] },
    });
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
    await writeFile(join(folder, "layout.json"), '{"version":3}');
    await expect(open()).rejects.toMatchObject({ code: "layout", message: expect.stringContaining("version 3") });
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
