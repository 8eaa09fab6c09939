import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Disk } from "../../server/storage/file/disk.ts";
import { type FileStorageOptions, openFileStorage } from "../../server/storage/file/open.ts";
import type { FeedName, Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";
import { openOn } from "./crash-workload.ts";
import { code, SimulatedDisk } from "./simulated-disk.ts";

const A = storeId("a");
const B = storeId("b");

const put = (storage: Storage<ToyRows>, id: string, total: number) =>
  storage.change(id, async (store) => store.put("sums", "s", { total }));
const total = async (storage: Storage<ToyRows>, id: string) => (await storage.read(id, (store) => store.get("sums", "s")))?.total;

async function start() {
  const disk = new SimulatedDisk();
  const storage = await openFileStorage<ToyRows>({ folder: "/disk/data", disk, idle: 1e9 });
  for (const id of [A, B]) await storage.create(id, async (store) => store.put("sums", "s", { total: 0 }));
  const fail = (error: string, when: (operation: string, at: string) => boolean) => {
    disk.fault = (operation, at) => {
      if (when(operation, at)) throw code(error);
    };
  };
  return { disk, storage, fail, reopened: () => openOn(disk.survivor("nothing")) };
}

const afterRestart = { self: { pid: 1, boot: "next", started: "" }, isAlive: () => false, pause: async () => {} };

const inJournal = (operation: string) => (op: string, at: string) => op === operation && at.includes("/journal/");

describe("when the disk fails", () => {
  for (const [error, answer] of [
    ["ENOSPC", "full"],
    ["EDQUOT", "full"],
    ["EIO", "failed"],
  ] as const) {
    for (const [where, when] of [
      ["a write, half done", inJournal("write")],
      ["a sync", (_: string, at: string) => at === "journal: frame"],
    ] as const) {
      test(`${error} in ${where}: ${answer}, the store is as before, and it works again afterwards`, async () => {
        const { disk, storage, fail, reopened } = await start();
        await put(storage, A, 1);
        fail(error, when);
        const all = await Promise.allSettled([
          put(storage, A, 2),
          storage.change(A, async (store) => {
            store.put("notes", "n", { text: "" });
            store.point("grant", "name");
          }),
          put(storage, B, 2),
          storage.create(storeId("c"), async () => {}),
        ]);
        for (const one of all) expect(one).toMatchObject({ status: "rejected", reason: { name: "StorageError", code: answer } });
        disk.fault = undefined;
        const check = async (each: Storage<ToyRows>, expected: number) => {
          expect(await total(each, A)).toBe(expected);
          expect(await each.read(A, (store) => store.list("notes", { limit: 9 }))).toEqual([]);
          expect(await total(each, B)).toBe(0);
          expect(await each.find("grant", "name")).toBeUndefined();
          await expect(each.read(storeId("c"), async () => 1)).rejects.toMatchObject({ code: "absent" });
        };
        await check(storage, 1);
        await check(await reopened(), 1);
        await put(storage, A, 3);
        await storage.change(B, async (store) => store.point("grant", "other"));
        await check(storage, 3);
        await check(await reopened(), 3);
      });
    }
  }

  test("a file system that turns read-only under it: refused until it is opened anew, and every store as it was", async () => {
    const { disk, storage } = await start();
    const X: FeedName = "events/x";
    await put(storage, A, 1);
    await storage.change(A, async (store) => {
      store.point("grant", "name");
      store.append(X, "a");
      store.due(5);
    });
    await storage.putDocument("settings", 1);
    disk.fault = () => {
      throw code("EROFS");
    };
    const all = await Promise.allSettled([
      put(storage, A, 2),
      storage.change(B, async (store) => store.point("grant", "never")),
      storage.create(storeId("c"), async () => {}),
      storage.append(X, ["b"]),
      storage.removeFromFeed(X, [1]),
      storage.putDocument("settings", 2),
      storage.erase(B),
      storage.check(),
    ]);
    for (const one of all) expect(one).toMatchObject({ status: "rejected", reason: { name: "StorageError", code: "failed" } });
    disk.fault = undefined;
    await expect(put(storage, A, 3)).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("stopped") });
    await expect(storage.check()).rejects.toMatchObject({ code: "failed" });
    for (const fate of ["nothing", "everything"] as const)
      for (const each of [storage, await openOn(disk.survivor(fate))]) {
        expect(await each.listStores({ limit: 9 })).toEqual([A, B]);
        expect([await total(each, A), await total(each, B)]).toEqual([1, 0]);
        expect([await each.find("grant", "name"), await each.find("grant", "never")]).toEqual([A, undefined]);
        expect(await each.readFeed(X, { limit: 9 })).toEqual([[1, "a"]]);
        expect(await each.findDue(9, 9)).toEqual([A]);
        expect(await each.getDocument("settings")).toBe(1);
      }
  });

  test("what was not durable is not handed out: a read that saw it answers what is", async () => {
    const { storage, fail } = await start();
    fail("EIO", (_, at) => at === "journal: frame");
    const changing = put(storage, A, 1);
    const seen: unknown[] = [];
    const reading = storage.read(A, async (store) => {
      seen.push((await store.get("sums", "s"))?.total);
      return seen.at(-1);
    });
    const throwing = storage.change(A, async (store) => {
      throw new Error(`saw ${(await store.get("sums", "s"))?.total}`);
    });
    const nothing = storage.change(A, async (store) => (await store.get("sums", "s"))?.total);
    const creating = storage.create(storeId("c"), async () => {});
    const early = storage.read(storeId("c"), async () => "there");
    const again = storage.create(storeId("c"), async () => {});
    await expect(changing).rejects.toMatchObject({ code: "failed" });
    expect(await reading).toBe(0);
    expect(seen).toEqual([1, 0]);
    await expect(throwing).rejects.toThrow("saw 0");
    expect(await nothing).toBe(0);
    await expect(creating).rejects.toMatchObject({ code: "failed" });
    await expect(early).rejects.toMatchObject({ code: "absent" });
    // Not `taken`: there was nothing. It was tried again and failed by itself.
    await expect(again).rejects.toMatchObject({ code: "failed" });
  });

  test("work under which memory went back is done again", async () => {
    const { disk, storage, fail } = await start();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    disk.beforeSync = (site) => (site === "journal: frame" ? held : Promise.resolve());
    fail("EIO", (_, at) => at === "journal: frame");
    const changing = put(storage, A, 1);
    const adding = storage.change(A, async (store) => {
      const found = (await store.get("sums", "s"))?.total ?? 0;
      if (found > 0) {
        release();
        await changing.catch(() => {});
        disk.fault = undefined;
      }
      store.put("sums", "s", { total: found + 10 });
    });
    await expect(changing).rejects.toMatchObject({ code: "failed" });
    await adding;
    expect(await total(storage, A)).toBe(10);
  });

  test("a read waits for what it saw", async () => {
    const { disk, storage } = await start();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    disk.beforeSync = (site) => (site === "journal: frame" ? held : Promise.resolve());
    const order: string[] = [];
    const changing = put(storage, A, 1).then(() => order.push("changed"));
    const pointing = storage.change(A, async (store) => store.point("grant", "name"));
    const reading = total(storage, A).then((found) => order.push(`read ${found}`));
    const other = total(storage, B).then((found) => order.push(`other ${found}`));
    await other;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await storage.find("grant", "name")).toBeUndefined();
    expect(order).toEqual(["other 0"]);
    release();
    await Promise.all([changing, reading, pointing]);
    expect(order.slice(1).sort()).toEqual(["changed", "read 1"]);
    expect(await storage.find("grant", "name")).toBe(A);
  });

  test("changes that build on a failed one fail with it, those of other stores do not", async () => {
    const { disk, storage } = await start();
    let syncs = 0;
    const later: Array<Promise<unknown>> = [];
    disk.fault = (_, at) => {
      if (at !== "journal: frame" || syncs++ > 0) return;
      // While the frame is under way.
      later.push(put(storage, A, 2), put(storage, B, 2));
      throw code("EIO");
    };
    const first = await Promise.allSettled([put(storage, A, 1)]);
    const [built, other] = await Promise.allSettled(later);
    expect(first[0]).toMatchObject({ status: "rejected", reason: { code: "failed" } });
    // It came before the failure was known, or after: never on top of what is gone.
    expect(other).toMatchObject({ status: "fulfilled" });
    expect(await total(storage, A)).toBe(built?.status === "fulfilled" ? 2 : 0);
    expect(await total(storage, B)).toBe(2);
  });

  test("if a failed append can't be taken back, writes stop, and reads go on", async () => {
    for (const [operation, at] of [
      ["truncate", "/journal/"],
      ["sync", "journal: repair"],
    ] as const) {
      const { disk, storage, fail } = await start();
      await put(storage, A, 1);
      fail("EIO", (op, where) => (op === "sync" && where === "journal: frame") || (op === operation && where.includes(at)));
      await expect(put(storage, A, 2)).rejects.toMatchObject({ code: "failed" });
      disk.fault = undefined;
      for (const id of [A, B])
        await expect(put(storage, id, 3)).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("stopped") });
      expect(await total(storage, A)).toBe(1);
      await storage[Symbol.asyncDispose]();
    }
  });

  test("a checkpoint or a pointer's file that fails harms nobody, and is made up for", async () => {
    const { disk, fail } = await start();
    const storage = await openFileStorage<ToyRows>({
      folder: "/disk/other",
      disk,
      idle: 1e9,
      checkpointBytes: 100,
      segmentBytes: 500,
      cacheBytes: 1,
      pendingPointers: 1,
    });
    for (const id of [A, B]) await storage.create(id, async () => {});
    for (const what of ["checkpoint: file", "pointer: file"]) {
      fail("ENOSPC", (op, at) => op === "sync" && at === what);
      const check = async (each: Storage<ToyRows>) => {
        expect([await total(each, A), await total(each, B)]).toEqual([29, 29]);
        for (const n of range(30)) expect(await each.find("locator", `${what.slice(0, 4)}${n}`)).toBe(A);
      };
      for (const n of range(30)) {
        await storage.change(A, async (store) => {
          store.put("sums", "s", { total: n });
          store.point("locator", `${what.slice(0, 4)}${n}`);
        });
        await put(storage, B, n);
      }
      await check(storage);
      const left = disk.survivor("nothing");
      await check(await openFileStorage<ToyRows>({ folder: "/disk/other", disk: left, idle: 1e9, processes: afterRestart }));
    }
    disk.fault = undefined;
    await storage[Symbol.asyncDispose]();
    expect((await disk.list("/disk/other/journal")).length).toBe(1);
    const again = await openFileStorage<ToyRows>({ folder: "/disk/other", disk, idle: 1e9 });
    expect(await total(again, A)).toBe(29);
  });

  test("while the journal is being emptied slowly, nothing that is only there goes", async () => {
    const { disk } = await start();
    disk.beforeSync = async (site) => {
      if (site === "checkpoint: file" || site === "pointer: file") await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const storage = await openFileStorage<ToyRows>({ folder: "/disk/other", disk, idle: 1e9, segmentBytes: 1, pendingPointers: 1000 });
    const stores = range(12).map((n) => storeId(`s${n}`));
    for (const id of stores) await storage.create(id, async () => {});
    const answered: Array<[name: string, id: string]> = [];
    const moments: Array<{ answered: number; left: SimulatedDisk }> = [];
    await Promise.all(
      range(4).map(async (writer) => {
        for (const n of range(60)) {
          const name = `${writer}-${n}`;
          const id = stores[(writer * 5 + n * 7) % 12] as string;
          await storage.change(id, async (store) => {
            store.put("notes", name, { text: "" });
            // Few enough to wait for a file to be emptied.
            if (n % 3 === 0) store.point("grant", name);
          });
          answered.push([name, id]);
          if (n % 2 === 0) moments.push({ answered: answered.length, left: disk.survivor("nothing") });
        }
      }),
    );
    for (const moment of moments) {
      const left = await openFileStorage<ToyRows>({ folder: "/disk/other", disk: moment.left, idle: 1e9, processes: afterRestart });
      for (const [name, id] of answered.slice(0, moment.answered)) {
        expect([name, await left.read(id, (store) => store.get("notes", name))]).toEqual([name, { text: "" }]);
        if (Number(name.slice(2)) % 3 === 0) expect([name, await left.find("grant", name)]).toEqual([name, id]);
      }
    }
  });

  test.each(["name", "entry"])("a new %s given while its store is about to be written does not go with the journal", async (what) => {
    const { disk } = await start();
    const open = (on: SimulatedDisk) =>
      openFileStorage<ToyRows>({
        folder: "/disk/other",
        disk: on,
        idle: 1e9,
        segmentBytes: 1000,
        pendingPointers: 1000,
        processes: { ...afterRestart, isAlive: () => on === disk },
      });
    const storage = await open(disk);
    const stores = range(6).map((n) => storeId(`s${n}`));
    const last = stores[5] as string;
    for (const id of stores) await storage.create(id, async () => {});
    const large = (id: string) => storage.change(id, async (store) => store.put("notes", "n", { text: "x".repeat(1000) }));
    const lefts: SimulatedDisk[] = [];
    let given = false;
    disk.beforeSync = async (site) => {
      if (site !== "checkpoint: file" || given) return;
      given = true;
      await storage.change(last, async (store) => {
        if (what === "name") store.point("grant", "name");
        else store.append("events/x", "told");
      });
      await large(last);
      await large(last);
      disk.fault = () => void lefts.push(disk.survivor("everything"));
    };
    await large(last);
    await large(last);
    await expect.poll(() => lefts.length).toBeGreaterThan(30);
    disk.fault = undefined;
    for (const left of lefts) {
      const next = await open(left);
      if (what === "name") expect(await next.find("grant", "name")).toBe(last);
      else expect(await next.readFeed("events/x", { limit: 9 })).toEqual([[1, "told"]]);
    }
  });

  test("what only the journal has of a store that nobody uses stays", async () => {
    const { disk } = await start();
    const left = disk.survivor("nothing");
    const second = await openFileStorage<ToyRows>({
      folder: "/disk/data",
      disk: left,
      idle: 1e9,
      segmentBytes: 1,
      processes: afterRestart,
    });
    for (const n of range(10)) await put(second, A, n);
    expect((await left.list("/disk/data/journal")).length).toBeLessThan(9);
    const third = await openFileStorage<ToyRows>({
      folder: "/disk/data",
      disk: left.survivor("nothing"),
      idle: 1e9,
      processes: afterRestart,
    });
    expect([await total(third, A), await total(third, B)]).toEqual([9, 0]);
  });

  test("no line follows in a file whose successor was begun, though the clock goes back", async () => {
    const { disk, fail } = await start();
    const clock = { now: 1_000_000_000 };
    const storage = await openFileStorage<ToyRows>({ folder: "/disk/other", disk, idle: 1e9, segmentAge: 1000, now: () => clock.now });
    await storage.create(A, async () => {});
    clock.now += 1000;
    fail("EIO", (_, at) => at === "journal: new file's folder");
    await expect(put(storage, A, 1)).rejects.toMatchObject({ code: "failed" });
    disk.fault = undefined;
    clock.now -= 1000;
    await put(storage, A, 2);
    for (const fate of ["nothing", "everything"] as const) {
      const left = await openFileStorage<ToyRows>({ folder: "/disk/other", disk: disk.survivor(fate), idle: 1e9, processes: afterRestart });
      expect(await total(left, A)).toBe(2);
    }
  });

  test("a journal file that can't be started fails the change, and is tried again", async () => {
    const { disk } = await start();
    const storage = await openFileStorage<ToyRows>({ folder: "/disk/other", disk, idle: 1e9, segmentBytes: 1 });
    await storage.create(A, async () => {});
    for (const at of ["journal: new file", "journal: new file's folder"]) {
      disk.fault = (_, where) => {
        if (where === at) throw code("ENOSPC");
      };
      await expect(put(storage, A, 1)).rejects.toMatchObject({ code: "full" });
      disk.fault = undefined;
      await put(storage, A, 2);
      expect(await total(storage, A)).toBe(2);
    }
  });

  describe("feeds", () => {
    const X: FeedName = "events/x";
    const entries = async (storage: Storage<ToyRows>) =>
      (await storage.readFeed(X, { limit: 1000 })).map(([position, entry]) => `${position} ${entry}`);
    const openOther = (disk: Disk, options: Partial<FileStorageOptions> = {}) =>
      openFileStorage<ToyRows>({ folder: "/disk/other", disk, idle: 1e9, feedPage: 3, processes: afterRestart, ...options });

    for (const [error, answer] of [
      ["ENOSPC", "full"],
      ["EIO", "failed"],
    ] as const)
      test(`${error} while they change: ${answer}, they are as before, and no position is lost`, async () => {
        const { disk, storage, fail } = await start();
        await storage.append(X, ["a", "b"]);
        fail(error, (_, at) => at === "journal: frame");
        const all = await Promise.allSettled([
          storage.append(X, ["never"]),
          storage.change(A, async (store) => store.append(X, "never")),
          storage.removeFromFeed(X, [1]),
        ]);
        for (const one of all) expect(one).toMatchObject({ status: "rejected", reason: { name: "StorageError", code: answer } });
        disk.fault = undefined;
        for (const each of [storage, await openOn(disk.survivor("nothing")), await openOn(disk.survivor("everything"))])
          expect(await entries(each)).toEqual(["1 a", "2 b"]);
        await storage.change(A, async (store) => store.append(X, "c"));
        await storage.removeFromFeed(X, [1]);
        for (const each of [storage, await openOn(disk.survivor("nothing"))]) expect(await entries(each)).toEqual(["2 b", "3 c"]);
      });

    test("one that fails takes none with it that came for itself", async () => {
      const { disk, storage } = await start();
      let syncs = 0;
      const later: Array<Promise<void>> = [];
      disk.fault = (_, at) => {
        if (at !== "journal: frame" || syncs++ > 0) return;
        later.push(storage.append(X, ["later"]));
        throw code("EIO");
      };
      await expect(storage.append(X, ["first"])).rejects.toMatchObject({ code: "failed" });
      await later[0];
      expect(await entries(storage)).toEqual(["1 later"]);
    });

    test("what is not durable is not handed out, nor taken away", async () => {
      const { disk, storage } = await start();
      await storage.append(X, ["a"]);
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      disk.beforeSync = (site) => (site === "journal: frame" ? held : Promise.resolve());
      const changing = [storage.append(X, ["b"]), storage.change(A, async (store) => store.append(X, "c")), storage.removeFromFeed(X, [1])];
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await entries(storage)).toEqual(["1 a"]);
      release();
      await Promise.all(changing);
      expect((await entries(storage)).map((each) => each.slice(2)).sort()).toEqual(["b", "c"]);
    });

    test("once writes have stopped they are refused", async () => {
      const { disk, storage, fail } = await start();
      await storage.append(X, ["a"]);
      fail("EIO", (_, at) => at === "journal: frame" || at === "journal: repair");
      await expect(put(storage, A, 2)).rejects.toMatchObject({ code: "failed" });
      disk.fault = undefined;
      await expect(storage.append(X, ["b"])).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("stopped") });
      await expect(storage.removeFromFeed(X, [1])).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("stopped") });
      expect(await entries(storage)).toEqual(["1 a"]);
    });

    for (const what of ["feed's page: file", "feed's page: folder", "feed's head: file", "feed's head: folder", "feed's page: removal"])
      test(`"${what}" that fails harms nobody, and is made up for`, async () => {
        const { disk, fail } = await start();
        const storage = await openOther(disk, { segmentBytes: 500, pendingFeedBytes: 1000 });
        await storage.create(A, async () => {});
        await storage.append(X, range(10).map(String));
        const expected = range(10).map((n) => `${n + 1} ${n}`);
        fail("ENOSPC", (_, at) => at === what);
        for (const n of range(30)) {
          await storage.change(A, async (store) => store.append(X, String(n + 10)));
          await storage.removeFromFeed(X, [n + 1]);
          expected.push(`${n + 11} ${n + 10}`);
          expected.shift();
          expect(await entries(storage)).toEqual(expected);
          if (n % 5 === 0) expect(await entries(await openOther(disk.survivor("nothing")))).toEqual(expected);
        }
        expect(await entries(await openOther(disk.survivor("everything")))).toEqual(expected);
        disk.fault = undefined;
        await storage[Symbol.asyncDispose]();
        expect((await disk.list("/disk/other/journal")).length).toBe(1);
        expect(await entries(await openOther(disk))).toEqual(expected);
      });

    test("one read while its files change misses nothing and repeats nothing", async () => {
      const { disk } = await start();
      // A disk that is slow at times: what it read may be old when it is there.
      let slowness = 0;
      const slow: Disk = new Proxy(disk, {
        get: (target, name) => {
          if (name === "read")
            return async (path: string) => {
              const bytes = await disk.read(path);
              if (path.includes("/feeds/")) await new Promise((resolve) => setTimeout(resolve, [1, 20, 3, 8][slowness++ % 4]));
              return bytes;
            };
          const member: unknown = Reflect.get(target, name);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      disk.beforeSync = async (site) => {
        if (site.startsWith("feed's")) await new Promise((resolve) => setTimeout(resolve, 1));
      };
      const storage = await openOther(slow, { segmentBytes: 500, pendingFeedBytes: 0 });
      let written = 0;
      let taken = 0;
      let reads = 0;
      const reading = Promise.all(
        range(3).map(async () => {
          for (; taken < 150; await new Promise((resolve) => setImmediate(resolve))) {
            const most = written;
            const positions = (await storage.readFeed(X, { limit: 1000 })).map(([position, entry]) => {
              expect(entry).toBe(position);
              return position;
            });
            reads++;
            // Taken out while it was read, one may be there or not; those behind it all are.
            const sure = taken + 1;
            expect(positions.filter((position) => position > sure && position <= most)).toEqual(
              range(most).flatMap((n) => (n + 1 > sure ? [n + 1] : [])),
            );
          }
        }),
      );
      for (const n of range(160)) {
        await storage.append(X, [n + 1]);
        written = n + 1;
        if (n < 10) continue;
        await storage.removeFromFeed(X, [n - 9]);
        taken = n - 9;
      }
      await reading;
      expect(reads).toBeGreaterThan(10);
      expect(disk.syncs.filter(({ site }) => site === "feed's page: file").length).toBeGreaterThan(20);
    });
  });

  test("a document that can't be written: full or failed, and the one before stays", async () => {
    const { disk, storage, fail } = await start();
    await storage.putDocument("settings", { n: 1 });
    for (const [error, answer] of [
      ["ENOSPC", "full"],
      ["EIO", "failed"],
    ] as const) {
      for (const operation of ["create", "write", "sync", "rename"]) {
        fail(
          error,
          (op, at) =>
            op === operation &&
            (op === "sync" ? at === "document: file" : op === "rename" ? at.includes("/documents/") : at.includes("/temporary/")),
        );
        await expect(storage.putDocument("settings", { n: 2 })).rejects.toMatchObject({ code: answer });
        disk.fault = undefined;
        expect(await storage.getDocument("settings")).toEqual({ n: 1 });
        expect(await disk.list("/disk/data/temporary")).toEqual([]);
      }
    }
    // Of two puts, one fails: each is answered for itself.
    let syncs = 0;
    disk.fault = (_, at) => {
      if (at === "document: file" && syncs++ === 0) throw code("EIO");
    };
    const two = await Promise.allSettled([storage.putDocument("settings", { n: 3 }), storage.putDocument("settings", { n: 4 })]);
    expect(two.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(await storage.getDocument("settings")).toEqual({ n: 4 });
    syncs = -1;
    const others = await Promise.allSettled([storage.putDocument("settings", { n: 5 }), storage.putDocument("settings", { n: 6 })]);
    expect(others.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(await storage.getDocument("settings")).toEqual({ n: 5 });
  });
});

describe("on a file system that is really full", () => {
  let folder: string;
  let mounted = false;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "counterfoil-full-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { stdio: "ignore" });
      mounted = true;
    } catch {}
  });
  afterAll(() => {
    if (mounted) execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  });

  test("full, as before, and working again when there is room", async (context) => {
    if (!mounted) context.skip("only root may mount");
    const storage = await openFileStorage<ToyRows>({ folder: join(folder, "data"), idle: 1e9 });
    await storage.create(A, async (store) => store.put("sums", "s", { total: 0 }));
    const ballast = join(folder, "ballast");
    await writeFile(ballast, Buffer.alloc(1024 * 1024));
    let done = 0;
    const filling = async () => {
      for (; done < 1000; done++) {
        await storage.change(A, async (store) => {
          store.put("sums", "s", { total: done });
          store.put("notes", `n${done % 5}`, { text: "x".repeat(30_000) });
        });
      }
    };
    await expect(filling()).rejects.toMatchObject({ name: "StorageError", code: "full" });
    expect(done).toBeGreaterThan(3);
    expect(await total(storage, A)).toBe(done - 1);
    await expect(storage.putDocument("settings", "x".repeat(2_000_000))).rejects.toMatchObject({ code: "full" });
    rmSync(ballast);
    await put(storage, A, 5000);
    // As a crash would leave it.
    const left = mkdtempSync(join(tmpdir(), "counterfoil-left-"));
    cpSync(join(folder, "data"), left, { recursive: true, filter: (path) => !path.endsWith("/lock") });
    await storage[Symbol.asyncDispose]();
    for (const each of [left, join(folder, "data")]) {
      const again = await openFileStorage<ToyRows>({ folder: each, idle: 1e9 });
      expect(await total(again, A)).toBe(5000);
      expect(await again.read(A, async (store) => (await store.list("notes", { limit: 9 })).length)).toBe(5);
      await again[Symbol.asyncDispose]();
    }
    rmSync(left, { recursive: true });
  });

  test("one that is mounted read-only: refused by name, and as before when it can be written again", async (context) => {
    if (!mounted) context.skip("only root may mount");
    const root = join(folder, "read-only");
    const storage = await openFileStorage<ToyRows>({ folder: root, idle: 1e9 });
    await storage.create(A, async (store) => store.put("sums", "s", { total: 1 }));
    await storage[Symbol.asyncDispose]();
    execFileSync("mount", ["-o", "remount,ro", folder]);
    try {
      await expect(openFileStorage({ folder: root })).rejects.toMatchObject({
        code: "failed",
        message: expect.stringMatching(new RegExp(`${root}.*read-only`)),
      });
    } finally {
      execFileSync("mount", ["-o", "remount,rw", folder]);
    }
    const again = await openFileStorage<ToyRows>({ folder: root, idle: 1e9 });
    expect(await total(again, A)).toBe(1);
    await put(again, A, 2);
    await again[Symbol.asyncDispose]();
  });
});
