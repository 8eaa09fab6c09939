import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Disk, nodeDisk } from "../../server/storage/file/disk.ts";
import { nodeProcesses } from "../../server/storage/file/folder-lock.ts";
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
  const another = async () => {
    const script = `
      import { openFileStorage } from ${JSON.stringify(new URL("../../server/storage/file/open.ts", import.meta.url).href)};
      const storage = await openFileStorage({ folder: ${JSON.stringify(folder)} });
      await storage.create("${A}", async (store) => store.put("sums", "s", { total: 7 }));
      console.log("open");
      setInterval(() => {}, 1000);`;
    child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child.pid as number;
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
      await writeFile(join(folder, "lock"), typeof left === "string" ? left : JSON.stringify(left));
      const storage = await openFileStorage({ folder });
      expect(JSON.parse(await readFile(join(folder, "lock"), "utf8"))).toMatchObject(self);
      await storage[Symbol.asyncDispose]();
      await expect(access(join(folder, "lock"))).rejects.toThrow();
    }
  });

  test("of many who find a dead lock one gets the folder", async () => {
    await writeFile(join(folder, "lock"), JSON.stringify({ ...nodeProcesses.self, boot: "before" }));
    const all = await Promise.allSettled(range(8).map(() => openFileStorage({ folder })));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of all) {
      if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
      else expect(one.reason).toMatchObject({ code: "locked" });
    }
  });

  test("who has seen a dead lock does not remove the one that came after it", async () => {
    await writeFile(join(folder, "lock"), JSON.stringify({ ...nodeProcesses.self, boot: "before" }));
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

  test("what can't be opened gives its lock back", async () => {
    await (await openFileStorage({ folder }))[Symbol.asyncDispose]();
    await writeFile(join(folder, "layout.json"), '{"version":99}');
    await expect(openFileStorage({ folder })).rejects.toMatchObject({ code: "layout" });
    await expect(access(join(folder, "lock"))).rejects.toThrow();
  });
});
