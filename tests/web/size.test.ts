import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scratchFolder } from "../support/scratch-folder.ts";

const root = join(import.meta.dirname, "..", "..");
const KB = 1000;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
/** Every file under assets/ with its text. */
let files: Map<string, string>;

beforeAll(async () => {
  folder = await scratchFolder();
  // As it is released: Vitest's own NODE_ENV would bring development code along.
  const { NODE_ENV: _, VITEST: __, ...env } = process.env;
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  await promisify(execFile)(process.execPath, [vite, "build", "--mode", "customer", "--outDir", folder.path, "--logLevel", "warn"], {
    cwd: root,
    env,
  });
  const names = (await readdir(join(folder.path, "assets"))).filter((name) => /\.(js|css)$/.test(name));
  files = new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder.path, "assets", name), "utf8")] as const)));
});
afterAll(() => folder?.[Symbol.asyncDispose]());

const only = (pattern: RegExp): string => {
  const found = [...files.keys()].filter((name) => pattern.test(name));
  expect(found, String(pattern)).toHaveLength(1);
  return found[0] ?? "";
};
const entry = async (): Promise<string> =>
  /src="\/assets\/([^"]+\.js)"/.exec(await readFile(join(folder.path, "index.html"), "utf8"))?.[1] ?? "";

/** A file with all that it imports statically. */
function withImports(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, imported = ""] of (files.get(name) ?? "").matchAll(/(?:\bfrom|\bimport)\s*["']\.\/([^"']+\.js)["']/g))
    withImports(imported, seen);
  return seen;
}
const weigh = (names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + gzipSync(files.get(name) ?? "", { level: 9 }).length, 0);

test("the home page's scripts with its words stay under 30 kB, in two files", async () => {
  const first = withImports(only(/^en-/), withImports(await entry()));
  expect(first.size).toBe(2);
  expect(weigh(first)).toBeGreaterThan(10 * KB);
  expect(weigh(first)).toBeLessThanOrEqual(30 * KB);
});

const screen = (name: string): string => only(new RegExp(`^${name}-[\\w-]{8}\\.js$`));

test("no screen that loads later adds more than 15 kB to what is there", async () => {
  const first = withImports(await entry());
  // Choosing what to share comes after the page that says who asks.
  const before = new Map([["choose", withImports(screen("ask"), new Set(first))]]);
  for (const name of ["connection", "ask", "choose", "data", "data-class", "safety", "recover", "start", "you", "pause", "not-found"]) {
    const added = [...withImports(screen(name))].filter((file) => !(before.get(name) ?? first).has(file));
    expect(weigh(added), name).toBeGreaterThan(100);
    expect(weigh(added), name).toBeLessThanOrEqual(15 * KB);
  }
});

test("a language stays under 8 KiB, the styles under 10 kB", () => {
  expect(weigh([only(/^en-/)])).toBeLessThanOrEqual(8192);
  expect(weigh([only(/\.css$/)])).toBeLessThanOrEqual(10 * KB);
});

// jose is a third of it: smaller would mean JOSE code of our own.
test("the worker stays under 42 kB", () => {
  const worker = weigh([only(/^worker-/)]);
  expect(worker).toBeGreaterThan(10 * KB);
  expect(worker).toBeLessThanOrEqual(42 * KB);
});
