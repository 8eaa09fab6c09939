import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { access, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Disk, nodeDisk } from "../../server/storage/file/disk.ts";
import { nodeProcesses, type Processes } from "../../server/storage/file/folder-lock.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { range, storeId, type ToyRows } from "./contract.ts";

const A = storeId("a");

describe("the lock on the folder", () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "counterfoil-"));
  });
  afterEach(async () => {
    child?.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  /** Another process that opens the folder, changes a store and stays. */
  const another = async (...within: string[]) => {
    const script = `
      import { openFileStorage } from ${JSON.stringify(new URL("../../server/storage/file/open.ts", import.meta.url).href)};
      const storage = await openFileStorage({ folder: ${JSON.stringify(folder)} });
      await storage.create("${A}", async (store) => store.put("sums", "s", { total: 7 }));
      console.log("open");
      setInterval(() => {}, 1000);`;
    const [command = "", ...rest] = [...within, process.execPath, "--import", "tsx", "--input-type=module", "-e", script];
    child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child.pid as number;
  };

  /** Left by a process that can't be seen from here, so long ago (ms). */
  const leave = async (left: string, age: number) => {
    await writeFile(join(folder, "lock"), left);
    const time = (Date.now() - age) / 1000;
    await utimes(join(folder, "lock"), time, time);
  };

  test("a second process is refused, with the folder and the first one's id; when that one is killed, it gets all that was answered", async () => {
    const pid = await another();
    await expect(openFileStorage({ folder })).rejects.toMatchObject({
      name: "StorageError",
      code: "locked",
      message: expect.stringMatching(new RegExp(`${folder}.*${pid}`)),
    });
    child?.kill("SIGKILL");
    await once(child as ChildProcess, "exit");
    const storage = await openFileStorage<ToyRows>({ folder });
    expect(await storage.read(A, (store) => store.get("sums", "s"))).toEqual({ total: 7 });
    await storage[Symbol.asyncDispose]();
  });

  test("a second opening in the same process is refused, until the first is closed", async () => {
    const storage = await openFileStorage({ folder });
    await expect(openFileStorage({ folder })).rejects.toMatchObject({ code: "locked" });
    await storage[Symbol.asyncDispose]();
    await (await openFileStorage({ folder }))[Symbol.asyncDispose]();
  });

  test("a lock is taken over when its process is gone, its id is another's, the machine was started again, or it was never finished", async () => {
    const { self } = nodeProcesses;
    for (const left of [{ ...self, pid: 2 ** 22 + 1 }, { ...self, started: "1" }, { ...self, boot: "before" }, "", '{"pid":1'] as const) {
      await leave(typeof left === "string" ? left : JSON.stringify(left), 60_000);
      const storage = await openFileStorage({ folder });
      expect(JSON.parse(await readFile(join(folder, "lock"), "utf8"))).toMatchObject(self);
      await storage[Symbol.asyncDispose]();
      await expect(access(join(folder, "lock"))).rejects.toThrow();
    }
  });

  test("of many who find a dead lock one gets the folder", async () => {
    await leave(JSON.stringify({ ...nodeProcesses.self, boot: "before" }), 60_000);
    const all = await Promise.allSettled(range(8).map(() => openFileStorage({ folder })));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of all) {
      if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
      else expect(one.reason).toMatchObject({ code: "locked" });
    }
  });

  test("who has seen a dead lock does not remove the one that came after it", async () => {
    await leave(JSON.stringify({ ...nodeProcesses.self, boot: "before" }), 60_000);
    let first: Storage | undefined;
    const late: Disk = {
      ...nodeDisk,
      async create(path) {
        if (path.endsWith(".removal")) first ??= await openFileStorage({ folder });
        return nodeDisk.create(path);
      },
    };
    await expect(openFileStorage({ folder, disk: late })).rejects.toMatchObject({ code: "locked" });
    expect(first).toBeDefined();
    await access(join(folder, "lock"));
    await first?.[Symbol.asyncDispose]();
  });

  /** A container: it has its own process ids, and sees no others. */
  const container = (space: string, beat = 20): Processes => ({
    ...nodeProcesses,
    self: { ...nodeProcesses.self, pid: 1, space },
    isAlive: (holder) => (holder.space === space ? true : undefined),
    every: (_, work) => {
      const timer = setInterval(work, beat);
      return () => clearInterval(timer);
    },
  });

  test("one in another container on the same volume is refused, as long as the first gives signs of life", async () => {
    const storage = await openFileStorage<ToyRows>({ folder, processes: container("one") });
    await expect(openFileStorage({ folder, processes: container("two") })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringMatching(/process 1 of another container/),
    });
    await storage.create(A, async (store) => store.put("sums", "s", { total: 7 }));
    await storage[Symbol.asyncDispose]();
    await (await openFileStorage({ folder, processes: container("two") }))[Symbol.asyncDispose]();
  });

  test("one that died in another container, or on another machine, is waited for a while and then taken over", async () => {
    await leave(JSON.stringify({ ...nodeProcesses.self, space: "gone" }), 19_000);
    const began = performance.now();
    await (await openFileStorage({ folder }))[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeGreaterThan(500);
  });

  test("one that was stopped for so long that another came writes no more, and leaves that one's lock", async () => {
    const first = await openFileStorage<ToyRows>({ folder, processes: container("one", 1e9) });
    await first.create(A, async (store) => store.put("sums", "s", { total: 1 }));
    await utimes(join(folder, "lock"), 1, 1);
    const second = await openFileStorage<ToyRows>({ folder, processes: container("two") });
    await second.change(A, async (store) => store.put("sums", "s", { total: 2 }));
    const slept = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 60_000);
    const changing = first.change(A, async (store) => store.put("sums", "s", { total: 3 }));
    await expect(changing).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("another process's now") });
    await expect(first.putDocument("keys", 1)).rejects.toMatchObject({ code: "failed" });
    await expect(first.check()).rejects.toMatchObject({ code: "failed" });
    slept.mockRestore();
    const journal = async () => (await readdir(join(folder, "journal"))).map((name) => readFileSync(join(folder, "journal", name), "utf8"));
    const before = await journal();
    await first[Symbol.asyncDispose]();
    expect(await journal(), "not even by closing").toEqual(before);
    await second.change(A, async (store) => store.put("sums", "t", { total: 4 }));
    await second[Symbol.asyncDispose]();
    const third = await openFileStorage<ToyRows>({ folder });
    expect(await third.read(A, (store) => store.list("sums", { limit: 9 }))).toEqual([
      ["s", { total: 2 }],
      ["t", { total: 4 }],
    ]);
    expect(await third.getDocument("keys")).toBeUndefined();
    await third[Symbol.asyncDispose]();
  });

  test("a real one in a PID namespace of its own is seen", { timeout: 40_000 }, async (context) => {
    const within = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if (spawnSync(within[0] as string, [...within.slice(1), "true"]).status !== 0) context.skip("only root may make namespaces");
    await another(...within);
    await expect(openFileStorage({ folder })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining("another container"),
    });
  });

  test("what can't be opened gives its lock back", async () => {
    await (await openFileStorage({ folder }))[Symbol.asyncDispose]();
    await writeFile(join(folder, "layout.json"), '{"version":99}');
    await expect(openFileStorage({ folder })).rejects.toMatchObject({ code: "layout" });
    await expect(access(join(folder, "lock"))).rejects.toThrow();
  });
});
