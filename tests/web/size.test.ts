import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scratchFolder } from "../support/scratch-folder.ts";

const root = join(import.meta.dirname, "..", "..");
const KB = 1000;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
/** Every file under assets/ with its text. */
let files: Map<string, string>;
/** Which file each module became that is loaded by itself, by its place under web/. */
let chunks: Map<string, string>;

beforeAll(async () => {
  folder = await scratchFolder();
  // As it is released: Vitest's own NODE_ENV would bring development code along.
  const { NODE_ENV: _, VITEST: __, ...env } = process.env;
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  await promisify(execFile)(
    process.execPath,
    [vite, "build", "--mode", "customer", "--outDir", folder.path, "--manifest", "--logLevel", "warn"],
    {
      cwd: root,
      env,
    },
  );
  const manifest: Record<string, { file: string }> = JSON.parse(await readFile(join(folder.path, ".vite", "manifest.json"), "utf8"));
  const web = join(root, "web");
  chunks = new Map(
    Object.entries(manifest).map(([source, { file }]) => [relative(web, join(web, "customer", source)), basename(file)] as const),
  );
  const names = (await readdir(join(folder.path, "assets"))).filter((name) => /\.(js|css)$/.test(name));
  files = new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder.path, "assets", name), "utf8")] as const)));
});
afterAll(() => folder?.[Symbol.asyncDispose]());

const only = (pattern: RegExp): string => {
  const found = [...files.keys()].filter((name) => pattern.test(name));
  expect(found, String(pattern)).toHaveLength(1);
  return found[0] ?? "";
};
const chunk = (source: string): string => {
  const file = chunks.get(source);
  expect(file, source).toBeDefined();
  return file ?? "";
};
const entry = (): string => chunk("customer/index.html");

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

test("the home page's scripts with its words stay under 30 kB, in three files", () => {
  const first = withImports(chunk("locales/en/main.ts"), withImports(entry()));
  expect(first.size).toBe(3);
  expect(weigh(first)).toBeGreaterThan(10 * KB);
  expect(weigh(first)).toBeLessThanOrEqual(30 * KB);
});

const SCREENS = [
  "connection",
  "ask",
  "data",
  "data-class",
  "import",
  "purchases",
  "sorting",
  "spending",
  "tastes",
  "who-has-what",
  "wanted",
  "intent",
  "safety",
  "recover",
  "start",
  "restore",
  "you",
  "export",
  "erase",
  "move",
  "arrive",
  "put-back",
  "pause",
  "not-found",
].map((name) => `customer/screens/${name}.tsx`);

test("every screen that loads later is listed here", () => {
  const listed = new Set([...SCREENS, "customer/screens/connections.tsx"]);
  const found = [...chunks.keys()].filter((source) => source.startsWith("customer/screens/"));
  expect(found.filter((source) => !listed.has(source))).toEqual([]);
});

test("no screen that loads later adds more than 15 kB to what is there", () => {
  const first = withImports(chunk("locales/en/main.ts"), withImports(entry()));
  // Choosing what to share comes after the page that says who asks, and what a change needs besides after that.
  const asked = () => withImports(chunk("customer/screens/ask.tsx"), new Set(first));
  const after = new Map([
    ["customer/ask/choose.tsx", asked()],
    ["customer/ask/change.tsx", withImports(chunk("customer/ask/choose.tsx"), asked())],
    ["customer/after/less-form.tsx", withImports(chunk("customer/screens/connection.tsx"), new Set(first))],
  ]);
  for (const source of [...SCREENS, ...after.keys()]) {
    const added = [...withImports(chunk(source))].filter((file) => !(after.get(source) ?? first).has(file));
    expect(weigh(added), source).toBeGreaterThan(100);
    expect.soft(weigh(added), source).toBeLessThanOrEqual(15 * KB);
  }
});

test("each area of words stays under 8 KiB, the styles under 10 kB", () => {
  const areas = [...chunks].filter(([source]) => source.startsWith("locales/en/"));
  expect(areas.length).toBeGreaterThan(10);
  for (const [source, file] of areas) expect(weigh([file]), source).toBeLessThanOrEqual(8192);
  expect(weigh([only(/\.css$/)])).toBeLessThanOrEqual(10 * KB);
});

// jose is a fifth of it, valibot with the shapes of all that is kept and sent as much: smaller would mean JOSE code of our own. No part of
// it can come later: from a blob nothing is imported, since no integrity would cover it. What needs no key the page makes for itself.
test("the worker stays under 55.5 kB", () => {
  const worker = weigh([only(/^vault-worker-/)]);
  expect(worker).toBeGreaterThan(10 * KB);
  expect(worker).toBeLessThanOrEqual(55.5 * KB);
});
