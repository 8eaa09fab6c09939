import { open, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoreRow } from "../../server/copies/format.ts";
import { importCopy } from "../../server/copies/import-copy.ts";
import { noProgress } from "../../server/copies/progress.ts";
import { storageSource } from "../../server/copies/source.ts";
import { checkCopy } from "../../server/copies/verify-copy.ts";
import { openLife } from "../../server/life.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { contentsOf, copyTo, fill, randomId, type TestRows, type TestStorage, withFile } from "./filled.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let full: TestStorage;
let plain: string;
let packed: string;

const at = (...names: string[]): string => join(folder.path, ...names);
const check = (path: string) => withFile(path, (file) => checkCopy(file));
const bring = (storage: TestStorage, path: string, restored = false) =>
  withFile(path, (file) => importCopy({ file, storage: storage as Storage, restored, now: () => 7_000, progress: noProgress }));

beforeAll(async () => {
  folder = await scratchFolder();
  full = await openFileStorage<TestRows>({ folder: at("full") });
  await fill(full);
  [plain, packed] = [at("plain.copy"), at("packed.copy")];
  await copyTo(full, plain);
  await copyTo(full, packed, { packing: "gzip" });
});

afterAll(async () => {
  await full[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test("what is brought into another storage is what there was", async () => {
  for (const [name, path] of [
    ["from-plain", plain],
    ["from-packed", packed],
  ] as const) {
    await using target = await openFileStorage<TestRows>({ folder: at(name) });
    const { counts, life } = await bring(target, path);
    expect(counts).toMatchObject({ stores: 12, documents: 2, feeds: 2, entries: 12 });
    expect(await contentsOf(target)).toEqual(await contentsOf(full));
    expect(await target.findDue(2e12, 100)).toEqual(await full.findDue(2e12, 100));
    const mine = await openLife(full, { now: () => 1 });
    expect(life).toMatchObject({ restores: 0, restored: null });
    // Positions in feeds are new.
    expect(life.id).not.toBe(mine.id);
    expect(await openLife(target, { now: () => 1 })).toEqual(life);
  }
});

test("a restore says so, and of when it is", async () => {
  await using target = await openFileStorage<TestRows>({ folder: at("restored") });
  const { life } = await bring(target, plain, true);
  expect(life).toMatchObject({ restores: 1, restored: 7_000, from: Date.parse("2026-11-22T10:00:00Z") });
});

test("a copy is for its owner's eyes alone, and a packed one opens by gunzip", async () => {
  expect((await stat(plain)).mode & 0o777).toBe(0o600);
  const unpacked = at("unpacked.copy");
  await writeFile(unpacked, gunzipSync(await readFile(packed)));
  expect(await check(unpacked)).toMatchObject({ counts: (await check(packed)).counts });
  expect((await stat(packed)).size).toBeLessThan((await stat(plain)).size / 5);
});

test("a copy that is there is never written over", async () => {
  await expect(copyTo(full, plain)).rejects.toMatchObject({ code: "full" });
});

test("cut anywhere, a copy is refused, and goes on to the same end", async () => {
  for (const [name, path] of [
    ["cut-plain", plain],
    ["cut-packed", packed],
  ] as const) {
    const bytes = await readFile(path);
    const { counts } = await check(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (cut) => {
        const to = at(`${name}-${cut}-${randomId()}`);
        await writeFile(`${to}.part`, bytes.subarray(0, cut));
        await expect(check(`${to}.part`)).rejects.toMatchObject({ code: expect.stringMatching(/^(cut|foreign)$/) });
        await copyTo(full, to, { resume: true, packing: name === "cut-plain" ? "plain" : "gzip" });
        expect((await check(to)).counts).toEqual(counts);
      }),
      { numRuns: 6 },
    );
  }
});

test("one changed byte, a line more, less, doubled or elsewhere is refused", async () => {
  const bytes = await readFile(plain);
  const bad = at("bad.copy");
  const refused = expect.stringMatching(/^(changed|foreign|cut|newer)$/);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (place, by) => {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] as number) ^ by;
      await writeFile(bad, changed);
      await expect(check(bad)).rejects.toMatchObject({ name: "CopyError", code: refused });
    }),
    { numRuns: 30 },
  );
  const lines = bytes.toString().trimEnd().split("\n");
  const other = at("other.copy");
  await copyTo(full, other);
  const others = (await readFile(other, "utf8")).trimEnd().split("\n");
  const middle = Math.floor(lines.length / 2);
  const wrong: Record<string, string[]> = {
    missing: lines.toSpliced(middle, 1),
    doubled: lines.toSpliced(middle, 0, lines[middle] as string),
    swapped: lines.toSpliced(middle, 2, lines[middle + 1] as string, lines[middle] as string),
    mixed: lines.with(middle, others[middle] as string),
    "without its end": lines.slice(0, -1),
    "with more behind its end": [...lines, lines.at(-1) as string],
    "with another header": lines.with(0, others[0] as string),
  };
  for (const [what, some] of Object.entries(wrong)) {
    await writeFile(bad, `${some.join("\n")}\n`);
    await expect(check(bad), what).rejects.toMatchObject({ code: refused });
  }
});

test("what is no copy is refused by name", async () => {
  const bad = at("foreign.copy");
  const said = async (content: string | Buffer): Promise<string> => {
    await writeFile(bad, content);
    return check(bad).then(
      () => "taken",
      (error: { code: string }) => error.code,
    );
  };
  expect(await said("")).toBe("foreign");
  expect(await said("hello\nworld\n")).toBe("foreign");
  expect(await said(gzipSync("hello"))).toBe("foreign");
  expect(await said(`${"x".repeat(43)} {"type":"https://w3id.org/counterfoil/copy/2"}\n`)).toBe("newer");
});

test("nothing of a bad copy counts, and nothing goes where something is", async () => {
  await using target = await openFileStorage<TestRows>({ folder: at("untouched") });
  const bad = at("short.copy");
  await writeFile(bad, (await readFile(plain)).subarray(0, -50));
  await expect(bring(target, bad)).rejects.toMatchObject({ code: "cut" });
  expect(await target.listStores({ limit: 1 })).toEqual([]);
  expect(await target.listDocuments({ limit: 1 })).toEqual([]);
  await expect(bring(full, plain)).rejects.toMatchObject({ code: "full" });
});

test("an import that failed on its way goes on, and until then no server starts on it", async () => {
  const path = at("went-on");
  const { counts } = await check(plain);
  for (let failAt = 1; ; failAt += 4) {
    let left = failAt;
    await using target = await openFileStorage<TestRows>({ folder: path });
    const failing = new Proxy(target, {
      get(it, name) {
        const member = Reflect.get(it, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (["create", "change", "append", "putDocument"].includes(String(name)) && left-- === 0) throw new Error("the test's cut");
          return (member as (...args: unknown[]) => unknown).apply(it, args);
        };
      },
    });
    const cut = await bring(failing, plain).then(
      () => false,
      (error: Error) => error.message === "the test's cut",
    );
    if (!cut) {
      expect(await contentsOf(target)).toEqual(await contentsOf(full));
      expect((await target.listStores({ limit: 100 })).length).toBe(counts.stores);
      break;
    }
    await expect(openLife(target, { now: () => 1 })).rejects.toThrow("import");
    await expect(bring(target, packed)).rejects.toMatchObject({ code: "other" });
  }
});

/** One that is in one part. */
async function aSmallStore(): Promise<string> {
  for (const id of await full.listStores({ limit: 100 }))
    if ((await full.read(id, (store) => store.list("records", { limit: 40 }))).length < 40) return id;
  throw new Error("all stores are large");
}

test("what a storage has not kept as it was told is found when it is read back", async () => {
  const lying: Array<[string, (name: string, args: unknown[]) => unknown[] | undefined]> = [
    ["store", (name, args) => (name === "create" && (args[0] as string) === lost ? [args[0], async () => {}] : args)],
    ["document", (name, args) => (name === "putDocument" && args[0] === "keys" ? ["keys", { current: 1 }] : args)],
    ["feed", (name, args) => (name === "append" ? [args[0], (args[1] as unknown[]).slice(1)] : args)],
    ["stores", (name, args) => (name === "create" && (args[0] as string) === lost ? [randomId(), args[1]] : args)],
  ];
  const lost = await aSmallStore();
  for (const [what, change] of lying) {
    await using target = await openFileStorage<TestRows>({ folder: at(`lying-${what}`) });
    const liar = new Proxy(target, {
      get(it, name) {
        const member = Reflect.get(it, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => (member as (...args: unknown[]) => unknown).apply(it, change(String(name), args) ?? args);
      },
    });
    await expect(bring(liar, plain), what).rejects.toMatchObject({ code: "differs" });
    await expect(openLife(target, { now: () => 1 })).rejects.toThrow("import");
  }
});

test("a copy of another deployment is not gone on with", async () => {
  await using other = await openFileStorage<TestRows>({ folder: at("other-deployment") });
  await fill(other, 2);
  const to = at("foreign-part");
  await writeFile(`${to}.part`, await readFile(plain));
  await truncate(`${to}.part`, 5_000);
  await expect(copyTo(other, to, { resume: true })).rejects.toMatchObject({ code: "other" });
  await expect(copyTo(full, to)).rejects.toMatchObject({ code: "full" });
});

test("while commits go on, each store in the copy is one of its states, and what was answered before is in it", async () => {
  await using busy = await openFileStorage<TestRows>({ folder: at("busy") });
  const ids = await fill(busy, 8);
  // Two rows of a store always say the same: a copy of two moments would differ.
  const states = new Map(ids.map((id) => [id, 0]));
  let going = true;
  const write = async (id: string): Promise<void> => {
    while (going) {
      const next = (states.get(id) ?? 0) + 1;
      await busy.change(id, async (store) => {
        store.put("grants", "a", { n: next });
        store.put("records", "z", { version: next, body: "y" });
      });
      states.set(id, next);
    }
  };
  const writers = ids.map(write);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = new Map(states);
  const to = at("busy.copy");
  await copyTo(busy, to);
  going = false;
  await Promise.all(writers);
  await using target = await openFileStorage<TestRows>({ folder: at("from-busy") });
  await bring(target, to);
  for (const id of ids) {
    const [grant, record] = await target.read(id, async (store) => [await store.get("grants", "a"), await store.get("records", "z")]);
    expect(grant?.n).toBe(record?.version);
    expect(record?.version ?? 0).toBeGreaterThanOrEqual(before.get(id) ?? 0);
  }
});

test("a store that is read again, or is erased while it is read, leaves nothing of before in the copy", async () => {
  const source = storageSource(full as Storage, "embedded");
  const [gone, ...ids] = await source.listStores(undefined);
  const long: StoreRow[] = Array.from({ length: 50 }, (_, row) => ["records", `z${row}`, "y".repeat(60_000)]);
  const to = at("again.copy");
  await copyTo(full, to, {
    source: {
      ...source,
      async readStore(id, taker) {
        await taker.begin();
        await taker.take(long);
        return id !== gone && source.readStore(id, taker);
      },
    },
  });
  const { counts, size } = await check(to);
  expect(counts.stores).toBe(ids.length);
  expect(size).toBe((await stat(to)).size);
  await using target = await openFileStorage<TestRows>({ folder: at("from-again") });
  await bring(target, to);
  const { stores } = (await contentsOf(full)) as { stores: unknown[] };
  expect(await contentsOf(target)).toMatchObject({ stores: stores.slice(1) });
});

test("a store that is damaged ends a copy, or is left out and named", async () => {
  const path = at("damaged");
  let bad = "";
  {
    await using whole = await openFileStorage<TestRows>({ folder: path });
    const [first = ""] = await fill(whole, 4);
    bad = first;
  }
  const file = (await readdir(path, { recursive: true })).find((name) => name.endsWith(`${bad}.json`)) ?? "";
  await truncate(join(path, file), 20);
  await using storage = await openFileStorage<TestRows>({ folder: path });
  const to = at("damaged.copy");
  await expect(copyTo(storage, to)).rejects.toMatchObject({ code: "corrupt" });
  const { left, counts } = await copyTo(storage, to, { resume: true, leaveDamaged: true });
  expect(left).toEqual([bad]);
  expect(counts.stores).toBe(3);
  await check(to);
});

test("the bytes that were cut off are gone from the file", async () => {
  const to = at("shorter");
  const bytes = await readFile(plain);
  // A cut that left rubbish behind what was whole.
  await writeFile(`${to}.part`, Buffer.concat([bytes.subarray(0, bytes.length - 200), Buffer.alloc(300_000, 0)]));
  await copyTo(full, to, { resume: true });
  const file = await open(to, "r");
  await file.close();
  expect((await check(to)).size).toBe((await stat(to)).size);
});
