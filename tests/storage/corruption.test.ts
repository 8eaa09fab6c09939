import { readFileSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeDisk } from "../../server/storage/file/disk.ts";
import { type FileStorageOptions, type Notice, openFileStorage } from "../../server/storage/file/open.ts";
import { type FeedName, type Storage, StorageError } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const GOOD = storeId("good");
const BAD = storeId("badd");

const put = (storage: Storage<ToyRows>, id: string, total: number) =>
  storage.change(id, async (store) => store.put("sums", "s", { total }));
const total = async (storage: Storage<ToyRows>, id: string) => (await storage.read(id, (store) => store.get("sums", "s")))?.total;

describe("a damaged file", () => {
  let folder: string;
  let told: Notice[] = [];
  const opened: Array<Storage<ToyRows>> = [];
  const open = async (options: Partial<FileStorageOptions> = {}) => {
    const tell = (notice: Notice) => void told.push(notice);
    const storage = await openFileStorage<ToyRows>({ folder, idle: 1e9, segmentBytes: 500, tell, ...options });
    opened.push(storage);
    return storage;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
    told = [];
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const path = (...names: string[]) => join(folder, ...names);
  const document = () => path("stores/ba/dd", `${BAD}.json`);
  const files = async (below: string) =>
    (await readdir(path(below), { recursive: true, withFileTypes: true })).flatMap((entry) =>
      entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
    );
  const segments = async () => (await readdir(path("journal"))).length;

  /** Two stores with documents, and lines of both behind them, as a crash leaves it. */
  const withLines = async () => {
    const first = await open();
    for (const id of [GOOD, BAD])
      await first.create(id, async (store) => {
        store.put("sums", "s", { total: 1 });
        store.put("notes", "n", { text: "from the document" });
        store.point("grant", `of-${id}`);
      });
    await first[Symbol.asyncDispose]();
    const second = await open({ segmentBytes: 1e6 });
    for (const id of [GOOD, BAD]) for (const n of [2, 3]) await put(second, id, n);
    const journal = (await readdir(path("journal"))).at(-1) as string;
    await copyFile(path("journal", journal), path("copy"));
    await copyFile(document(), path("whole"));
    await second[Symbol.asyncDispose]();
    for (const name of await readdir(path("journal"))) await rm(path("journal", name));
    await copyFile(path("copy"), path("journal", journal));
    for (const [id, from] of [[BAD, path("whole")]] as const)
      await copyFile(from, path("stores", id.slice(0, 2), id.slice(2, 4), `${id}.json`));
  };

  const older = async () => (await readFile(path("whole"))).toString();
  const damages: Record<string, () => Promise<void>> = {
    "one flipped bit": async () => {
      const bytes = await readFile(document());
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 8, bytes.length >> 1);
      await writeFile(document(), bytes);
    },
    "the second half missing": async () => {
      const bytes = await readFile(document());
      await writeFile(document(), bytes.subarray(0, bytes.length >> 1));
    },
    "nothing in it": () => writeFile(document(), ""),
    "zeros in it": async () => writeFile(document(), Buffer.alloc((await readFile(document())).length)),
    "another store's document": async () => copyFile(path("stores/go/od", `${GOOD}.json`), document()),
    "a pointer's file in its place": async () => copyFile(path("pointers/grant/of", `of-${BAD}.json`), document()),
    "no file": () => rm(document()),
  };

  for (const [what, damage] of Object.entries(damages))
    test(`${what}: that store is refused, all others live on, the journal goes, and putting the document back loses nothing`, async () => {
      await withLines();
      await damage();
      const damaged = await readFile(document()).catch(() => undefined);
      const storage = await open();
      await expect(storage.read(BAD, async () => 1)).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringContaining(document()),
      });
      await expect(put(storage, BAD, 9)).rejects.toMatchObject({ code: "corrupt" });
      expect(storage.listDamaged()).toEqual([{ kind: "store", name: BAD, message: expect.stringContaining(document()) }]);
      expect(told).toEqual([{ kind: "damaged", damage: storage.listDamaged()[0] }]);
      expect(await storage.listStores({ limit: 9 })).toEqual([BAD, GOOD]);
      for (const n of range(40)) await put(storage, GOOD, n);
      await storage.create(storeId("new"), async (store) => store.point("locator", "new"));
      await storage.erase(storeId("new"));
      await storage[Symbol.asyncDispose]();
      expect(await segments(), "the journal was let go").toBe(1);
      expect(await readFile(document()).catch(() => undefined), "what is there is evidence").toEqual(damaged);

      told = [];
      const again = await open();
      expect(again.listDamaged(), "known from before").toMatchObject([{ kind: "store", name: BAD }]);
      expect(told).toHaveLength(1);
      await expect(again.read(BAD, async () => 1)).rejects.toMatchObject({ code: "corrupt" });
      expect(await again.find("grant", `of-${BAD}`)).toBe(BAD);
      expect(await total(again, GOOD)).toBe(39);
      expect(await again.listStores({ limit: 9 })).toEqual([BAD, GOOD]);

      await writeFile(document(), await older());
      expect(await total(again, BAD), "with the lines that came after it").toBe(3);
      expect(again.listDamaged()).toEqual([]);
      await put(again, BAD, 4);
      await again[Symbol.asyncDispose]();
      const last = await open();
      expect(await total(last, BAD)).toBe(4);
      expect([last.doubts?.has(BAD), last.doubts?.has(GOOD)], "nobody has said yet that this is taken into account").toEqual([true, false]);
      await last.doubts?.settle(BAD);
      expect(await readdir(path("late"))).toEqual([]);
    });

  test("a document put back that is too old is refused, not mixed with later changes", async () => {
    const first = await open();
    await first.create(BAD, async () => {});
    await first[Symbol.asyncDispose]();
    const tooOld = await readFile(document());
    const second = await open();
    await put(second, BAD, 1);
    await second[Symbol.asyncDispose]();
    const third = await open({ segmentBytes: 1e6 });
    await put(third, BAD, 2);
    const [journal = ""] = await readdir(path("journal"));
    const lines = await readFile(path("journal", journal));
    const right = await readFile(document());
    await third[Symbol.asyncDispose]();
    for (const name of await readdir(path("journal"))) await rm(path("journal", name));
    await writeFile(path("journal", journal), lines);
    await writeFile(document(), tooOld);
    const fourth = await open();
    await expect(fourth.read(BAD, async () => 1)).rejects.toMatchObject({ code: "corrupt", message: expect.stringContaining("1 changes") });
    await writeFile(document(), right);
    expect(await total(fourth, BAD)).toBe(2);
  });

  test("a store that is all in the journal needs no document, nor one that was being erased", async () => {
    const first = await open({ segmentBytes: 1e6 });
    for (const id of [GOOD, BAD]) await first.create(id, async (store) => store.put("sums", "s", { total: 1 }));
    const [journal = ""] = await readdir(path("journal"));
    const lines = await readFile(path("journal", journal));
    await first[Symbol.asyncDispose]();
    for (const name of await readdir(path("journal"))) await rm(path("journal", name));
    await writeFile(path("journal", journal), lines);
    await writeFile(document(), "");
    const unlink = async (at: string) => {
      if (at === document()) throw Object.assign(new Error("EIO"), { code: "EIO" });
      await nodeDisk.unlink(at);
    };
    const second = await open({ disk: { ...nodeDisk, unlink } });
    expect(await total(second, BAD)).toBe(1);
    await expect(second.erase(BAD)).rejects.toMatchObject({ code: "failed" });
    await second[Symbol.asyncDispose]();
    const waiting = await open({ disk: { ...nodeDisk, unlink } });
    expect(await waiting.listStores({ limit: 9 }), "nobody sees it, though it is not off the disk").toEqual([GOOD]);
    await waiting[Symbol.asyncDispose]();
    await writeFile(document(), "");
    const third = await open();
    await expect(third.read(BAD, async () => 1)).rejects.toMatchObject({ code: "absent" });
    await third[Symbol.asyncDispose]();
    await expect(readFile(document())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a document that the disk can't give keeps no journal either", async () => {
    await withLines();
    let isBroken = true;
    const read = async (at: string) => {
      if (isBroken && at === document()) throw Object.assign(new Error("EIO"), { code: "EIO" });
      return nodeDisk.read(at);
    };
    const storage = await open({ disk: { ...nodeDisk, read } });
    await expect(storage.read(BAD, async () => 1)).rejects.toMatchObject({ code: "failed" });
    for (const n of range(20)) await put(storage, GOOD, n);
    await expect.poll(segments).toBeLessThan(6);
    isBroken = false;
    expect(await total(storage, BAD)).toBe(3);
    await storage[Symbol.asyncDispose]();
    expect(await segments()).toBe(1);
    expect(await total(await open(), BAD)).toBe(3);
  });

  test("of a pointer: who looks it up is told so, its store is changed and erased all the same, and a change mends it", async () => {
    const first = await open();
    await first.create(BAD, async (store) => {
      for (const name of ["one", "two", "six"]) store.point("grant", name);
      store.due(5);
    });
    await first.create(GOOD, async (store) => store.point("grant", "other"));
    await first[Symbol.asyncDispose]();
    const [due = ""] = await readdir(path("pointers/due/00"));
    for (const at of ["grant/on/one", "grant/tw/two"]) await writeFile(path(`pointers/${at}.json`), "");
    await writeFile(path("pointers/due/00", due), "");
    await copyFile(path("pointers/grant/ot/other.json"), path("pointers/grant/si/six.json"));
    const storage = await open();
    for (const name of ["one", "two", "six"]) await expect(storage.find("grant", name)).rejects.toMatchObject({ code: "corrupt" });
    expect(storage.listDamaged().map(({ kind, name }) => [kind, name])).toEqual([
      ["pointer", "grant/one"],
      ["pointer", "grant/two"],
      ["pointer", "grant/six"],
    ]);
    await expect(
      storage.change(GOOD, async (store) => store.point("grant", "one")),
      "not for another",
    ).rejects.toMatchObject({ code: "corrupt" });
    await storage.change(BAD, async (store) => {
      store.point("grant", "one");
      store.unpoint("grant", "two");
      store.due(9);
    });
    expect([await storage.find("grant", "one"), await storage.find("grant", "two")]).toEqual([BAD, undefined]);
    expect(await storage.findDue(20, 9)).toEqual([BAD]);
    expect(
      storage
        .listDamaged()
        .map(({ name }) => name)
        .filter((name) => name.startsWith("grant")),
    ).toEqual(["grant/six"]);
    await storage.erase(BAD);
    await storage[Symbol.asyncDispose]();
    const again = await open();
    for (const name of ["one", "two", "six"]) expect(await again.find("grant", name)).toBeUndefined();
    expect(again.listDamaged()).toEqual([]);
  });

  test("of a feed: its files are told apart, it alone is refused, and what comes meanwhile is not lost", async () => {
    const X: FeedName = "events/x";
    const first = await open({ feedPage: 3 });
    await first.append(X, range(6));
    await first.append("changes/y", ["y"]);
    await first[Symbol.asyncDispose]();
    const [place = ""] = (await files("feeds")).filter((each) => readFileSync(each, "utf8").includes(X)).map((each) => dirname(each));
    const whole = readFileSync(join(place, "head.json"));
    for (const damage of [
      () => copyFile(join(place, "0000000000.json"), join(place, "head.json")),
      () => writeFile(join(place, "head.json"), ""),
    ]) {
      await damage();
      const storage = await open({ feedPage: 3 });
      await expect(storage.readFeed(X, { limit: 9 })).rejects.toMatchObject({ code: "corrupt" });
      expect(storage.listDamaged()).toMatchObject([{ kind: "feed", name: X }]);
      expect(await storage.listFeeds("events", { limit: 9 })).toEqual([X]);
      expect(await storage.readFeed("changes/y", { limit: 9 })).toEqual([[1, "y"]]);
      await storage.append(X, ["later"]);
      await storage[Symbol.asyncDispose]();
      expect(await segments(), "the journal was let go").toBe(1);
    }
    await writeFile(join(place, "head.json"), whole);
    const storage = await open({ feedPage: 3 });
    expect((await storage.readFeed(X, { limit: 99 })).map(([, entry]) => entry)).toEqual([...range(6), "later", "later"]);
    expect(storage.listDamaged()).toEqual([]);
  });

  test("of a document outside the stores: it is refused and named, the others are there", async () => {
    const first = await open();
    await first.putDocument("keys", 1);
    await first.putDocument("vendors/v", 2);
    await first[Symbol.asyncDispose]();
    await copyFile(path("documents/vendors", (await readdir(path("documents/vendors")))[0] as string), path("documents/keys.json"));
    const storage = await open();
    await expect(storage.getDocument("keys")).rejects.toMatchObject({ code: "corrupt" });
    await expect(storage.changeDocument("keys", () => 3)).rejects.toMatchObject({ code: "corrupt" });
    expect(storage.listDamaged()).toMatchObject([{ kind: "document", name: "keys" }]);
    expect(await storage.getDocument("vendors/v")).toBe(2);
    await writeFile(path("documents/keys.json"), "");
    expect(await storage.listDocuments({ limit: 9 })).toEqual(["vendors/v"]);
    expect(storage.listDamaged()).toHaveLength(2);
  });

  test("of the journal's beginning: one copy of it is enough", async () => {
    const first = await open();
    await first.create(GOOD, async (store) => store.put("sums", "s", { total: 1 }));
    await first[Symbol.asyncDispose]();
    const [journal = ""] = await readdir(path("journal"));
    const whole = await readFile(path("journal", journal));
    for (const at of range(whole.length).filter((n) => n % 7 === 0)) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      await writeFile(path("journal", journal), bytes);
      const storage = await open({ disk: { ...nodeDisk, unlink: async () => {} }, segmentBytes: 1e6 });
      await put(storage, GOOD, 2 + at);
      const grown = await readFile(path("journal", journal));
      expect(grown.length).toBeGreaterThan(whole.length);
      await rm(path("lock"));
      const next = await open({ segmentBytes: 1e6 });
      expect(await total(next, GOOD)).toBe(2 + at);
      await rm(path("lock"), { force: true });
      opened.length = 0;
    }
  });
});

describe("any damage to any file", () => {
  const feeds: FeedName[] = ["events/x", "changes/y"];
  const ids = range(5).map((n) => storeId(`s${n}`));
  const openOn = (disk: SimulatedDisk) =>
    openFileStorage<ToyRows>({
      folder: "/disk/data",
      disk,
      idle: 1e9,
      feedPage: 3,
      checkpointBytes: 400,
      checkpointShare: 0,
      processes: { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} },
    });

  /** As a crash leaves it: documents, and lines behind them. */
  const folder = async () => {
    const disk = new SimulatedDisk();
    const first = await openOn(disk);
    const fill = (storage: Storage<ToyRows>, n: number) =>
      Promise.all(
        ids.map((id, at) =>
          storage.change(id, async (store) => {
            store.put("sums", "s", { total: 10 * n + at });
            store.put("notes", `n${n}`, { text: `note ${n} of ${at}` });
            store.append(feeds[at % 2] as FeedName, { n, at });
          }),
        ),
      );
    for (const [at, id] of ids.entries())
      await first.create(id, async (store) => {
        store.point("grant", `g${at}-xyz`);
        store.due(1000 + at);
      });
    for (const name of ["keys", "vendors/v", "changes/c"] as const) await first.putDocument(name, { name });
    for (const n of range(4)) await fill(first, n);
    await first[Symbol.asyncDispose]();
    const second = await openOn(disk);
    await fill(second, 5);
    await fill(second, 6);
    return disk.survivor("nothing");
  };

  /** Everything that can be asked, each answered or refused. */
  const ask = async (storage: Storage<ToyRows>): Promise<Map<string, string>> => {
    const answers = new Map<string, string>();
    const note = async (what: string, answer: () => Promise<unknown>) => {
      try {
        answers.set(what, JSON.stringify(await answer()));
      } catch (error) {
        if (!(error instanceof StorageError && error.code === "corrupt")) throw error;
        answers.set(what, "corrupt");
      }
    };
    for (const [at, id] of ids.entries()) {
      await note(`store ${at}`, () => storage.read(id, async (store) => [await store.listAll({ limit: 100 }), await store.bearings()]));
      await note(`pointer ${at}`, async () => (await storage.find("grant", `g${at}-xyz`)) ?? null);
    }
    for (const feed of feeds) await note(feed, () => storage.readFeed(feed, { limit: 100 }));
    for (const name of ["keys", "vendors/v", "changes/c"] as const) await note(name, async () => (await storage.getDocument(name)) ?? null);
    await note("due", () => storage.findDue(1e9, 9));
    await note("stores", () => storage.listStores({ limit: 99 }));
    return answers;
  };

  const filesOf = async (disk: SimulatedDisk, at = "/disk/data"): Promise<string[]> => {
    const bytes = await disk.read(at);
    if (bytes !== undefined) return [at];
    return (await Promise.all((await disk.list(at)).map((name) => filesOf(disk, `${at}/${name}`)))).flat();
  };

  const overwrite = async (disk: SimulatedDisk, path: string, bytes: Buffer) => {
    await disk.unlink(path);
    await (await disk.create(path)).write(bytes, 0);
  };

  const damage = fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat() }),
    fc.record({ kind: fc.constant("zeros" as const), at: fc.nat(), length: fc.integer({ min: 1, max: 600 }) }),
    fc.record({ kind: fc.constant("swap" as const), at: fc.nat() }),
  );

  test("is told, or harmless: every answer is right or says that it is corrupt, and only what lies in that file", {
    timeout: 120_000,
  }, async () => {
    const whole = await folder();
    const right = await ask(await openOn(whole.copy()));
    const files = (await filesOf(whole)).filter((path) => !path.endsWith("/lock")).sort();
    expect(files.length).toBeGreaterThan(20);
    const seen = { corrupt: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat(), damage, async (which, how) => {
        const path = files[which % files.length] as string;
        const disk = whole.copy();
        const bytes = Buffer.from((await disk.read(path)) as Buffer);
        // What is cut from the journal's last frame is what a crash leaves, too.
        const end = path.includes("/journal/") ? bytes.lastIndexOf("#") : bytes.length;
        const at = how.at % end;
        if (how.kind === "flip") bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << how.bit), at);
        if (how.kind === "zeros") bytes.fill(0, at, Math.min(end, at + how.length));
        const other = files[how.at % files.length] as string;
        if (how.kind === "swap") await overwrite(disk, path, (await whole.read(other)) as Buffer);
        else await overwrite(disk, path, how.kind === "cut" && end === bytes.length ? bytes.subarray(0, at) : bytes);
        const storage = await openOn(disk).catch((error: unknown) => {
          expect(error).toMatchObject({ name: "StorageError", message: expect.stringContaining(path) });
          expect(path).toMatch(/layout\.json$|\/journal\//);
          seen.refused++;
          return undefined;
        });
        if (storage === undefined) return;
        const check = async (each: Storage<ToyRows>) => {
          const wrong: string[] = [];
          for (const [what, answer] of await ask(each)) {
            if (answer === right.get(what)) continue;
            expect(answer, `${what}, after ${how.kind} in ${path}`).toBe("corrupt");
            wrong.push(what);
          }
          expect(wrong.length).toBeLessThanOrEqual(1);
          expect(each.listDamaged().length).toBe(wrong.length);
          seen.corrupt += wrong.length;
          return wrong[0];
        };
        const wrong = await check(storage);
        // All others live on, and what they do is kept.
        for (const [n, id] of ids.entries()) {
          if (wrong === `store ${n}`) continue;
          await storage.change(id, async (store) => store.put("notes", "more", { text: "later" }));
          await storage.change(id, async (store) => store.delete("notes", "more"));
        }
        await storage.create(storeId("new"), async () => {});
        await storage.erase(storeId("new"));
        await storage[Symbol.asyncDispose]();
        expect(await disk.list("/disk/data/journal")).toHaveLength(1);
        const again = await openOn(disk);
        await check(again);
        await again[Symbol.asyncDispose]();
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 300) },
    );
    expect(seen.corrupt).toBeGreaterThan(50);
  });
});

test("a document that was put back while the engine ran is whole after a crash, though the journal has lines of a later one", async () => {
  const disk = new SimulatedDisk();
  const processes = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };
  const openOn = (on: SimulatedDisk) => openFileStorage<ToyRows>({ folder: "/data", disk: on, idle: 1e9, cacheBytes: 1, processes });
  const document = `/data/stores/ba/dd/${BAD}.json`;
  const storage = await openOn(disk);
  let others = 0;
  // Whatever is opened next closes what was open, which is written then.
  const evict = async () => {
    for (let n = 0; n < 3; n++) await storage.create(storeId(`o${others++}`), async () => {});
  };
  const replace = async (bytes: Uint8Array) => {
    await disk.unlink(document);
    const file = await disk.create(document);
    await file.write(bytes, 0);
    await file.sync("the operator");
    await file.close();
    await disk.syncFolder("/data/stores/ba/dd", "the operator");
  };
  await storage.create(BAD, async () => {});
  await put(storage, BAD, 1);
  await evict();
  const copy = (await disk.read(document)) as Buffer;
  for (const n of range(10)) await put(storage, BAD, n);
  await evict();
  await replace(Buffer.from("broken"));
  await expect(total(storage, BAD)).rejects.toMatchObject({ code: "corrupt" });
  await replace(copy);
  expect(await total(storage, BAD)).toBe(1);
  await put(storage, BAD, 100);
  await storage.doubts?.settle(BAD);
  const after = await openOn(disk.survivor("nothing"));
  expect(await total(after, BAD)).toBe(100);
  expect(after.doubts?.has(BAD)).toBe(false);
});
