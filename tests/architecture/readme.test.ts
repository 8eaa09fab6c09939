import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { configurationText } from "../../server/configuration/reference.ts";
import { SETTINGS } from "../../server/configuration/settings.ts";
import { VERSION } from "../../server/version.ts";
import { filesUnder, root } from "./source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

const deployment = [...filesUnder("server/deployment")].filter((path) => !path.endsWith("ignore"));

/** Every setting that a text names, once. */
const settingsOf = (text: string): string[] => [...new Set(text.match(/\bCOUNTERFOIL_[A-Z_]+/g))].sort();

const settings = Object.values(SETTINGS).map(({ name }): string => name);

test.each(["README.md", "server/configuration/README.md", ...deployment])("%s names settings that there are, and no other", (path) => {
  const named = settingsOf(read(path));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !settings.includes(name))).toEqual([]);
});

test("the reference of the settings is up to date (`npm run configuration`)", () => {
  expect(read("server/configuration/README.md")).toBe(configurationText());
  expect(settingsOf(read("server/configuration/README.md"))).toEqual([...settings].sort());
});

test("the program says the version of its package", () => {
  expect((JSON.parse(read("package.json")) as { version: string }).version).toBe(VERSION);
});

test.each(["README.md", "vendor-sdk/README.md", "vendor-sdk/examples/bookshop/README.md"])("what %s points to is there", (path) => {
  const text = read(path);
  const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to as string).filter((to) => !/^\w+:/.test(to));
  const named = [...text.matchAll(/`((?:tests|protocol|server|web)\/[\w./-]+)`/g)].map(([, to]) => join(root, to as string));
  const all = [...links.map((to) => join(root, dirname(path), to)), ...named];
  expect(all.filter((each) => !existsSync(each))).toEqual([]);
});
