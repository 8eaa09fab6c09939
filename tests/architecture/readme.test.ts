import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Every setting that a text names, once. */
const settingsOf = (text: string): string[] => [...new Set(text.match(/\bCOUNTERFOIL_[A-Z_]+/g))].sort();

test("the README and the server's own words name the settings that are read, and no other", () => {
  const settings = settingsOf(read("server/config.ts"));
  expect(settings.length).toBeGreaterThan(5);
  expect(settingsOf(read("README.md"))).toEqual(settings);
  expect(settingsOf(read("server/main.ts"))).toEqual(settings);
});

test.each(["README.md", "vendor-sdk/README.md", "vendor-sdk/examples/bookshop/README.md"])("what %s points to is there", (path) => {
  const text = read(path);
  const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to as string).filter((to) => !/^\w+:/.test(to));
  const named = [...text.matchAll(/`((?:tests|protocol|server|web)\/[\w./-]+)`/g)].map(([, to]) => join(root, to as string));
  const all = [...links.map((to) => join(root, dirname(path), to)), ...named];
  expect(all.filter((each) => !existsSync(each))).toEqual([]);
});
