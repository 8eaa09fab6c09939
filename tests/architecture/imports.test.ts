import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { badHabits, brokenRules, cycles, habits, reachable, rules } from "./rules.ts";
import { importsOf, isOurs, rooms, root, type SourceFile, sourceFiles } from "./source-tree.ts";

const files = sourceFiles();

test.each(rooms)("%s holds source files", (room) => {
  expect(files.filter(({ path }) => path.startsWith(`${room}/`)).length).toBeGreaterThan(0);
});

test("every relative import names a file that is there", () => {
  const lost = files.flatMap(({ imports }) => imports.filter(({ to }) => isOurs(to) && !existsSync(join(root, to))));
  expect(lost.map(({ from, says }) => `${from} -> ${says}`)).toEqual([]);
});

describe("who may import whom", () => {
  test.each(rules.map((rule) => [rule.says, rule] as const))("%s", (_, rule) => {
    expect(
      files.some(({ path }) => rule.about(path)),
      "the rule saw no file",
    ).toBe(true);
    expect(brokenRules(files, rule)).toEqual([]);
  });

  test("no import cycles, types included", () => {
    expect(cycles(files)).toEqual([]);
  });

  test("the server reaches neither sealing nor a cipher, through whatever it imports", () => {
    const reached = reachable(files, (path) => path.startsWith("server/"));
    expect(reached.size).toBeGreaterThan(10);
    const bad = [...reached].filter(([to]) => to.startsWith("protocol/sealing/") || to.startsWith("@noble/"));
    expect(bad.map(([to, from]) => `${from} -> ${to}`)).toEqual([]);
  });
});

describe("habits", () => {
  test.each(habits.map((habit) => [habit.says, habit] as const))("%s", (_, habit) => {
    expect(
      files.some(({ path }) => habit.about(path)),
      "the rule saw no file",
    ).toBe(true);
    expect(badHabits(files, habit)).toEqual([]);
  });
});

describe("the rules themselves", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text, imports: importsOf(path, text) });
  const broken = (path: string, text: string): string[] =>
    rules.filter((rule) => brokenRules([file(path, text)], rule).length > 0).map(({ says }) => says);

  test.each([
    ["a statement", 'import { seal } from "#protocol/sealing/box.ts";'],
    ["a type", 'import type { Box } from "../protocol/sealing/box.ts";'],
    ["a type in place", 'export const box = (it: import("../protocol/sealing/box.ts").Box) => it;'],
    ["a dynamic import", 'export const box = () => import("../protocol/sealing/box.ts");'],
    ["a re-export", 'export { seal } from "../protocol/sealing/box.ts";'],
    ["an export of all", 'export * from "../protocol/sealing/box.ts";'],
    ["an address", 'export const box = new URL("../protocol/sealing/box.ts", import.meta.url);'],
  ])("%s of sealing in the server is seen", (_, text) => {
    expect(broken("server/x.ts", text)).toContain("the server never imports sealing");
  });

  test.each([
    ["server/x.ts", 'import "../web/vault/vault.ts";'],
    ["server/x.ts", 'import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";'],
    ["server/endpoints/a.ts", 'import { app } from "../app.ts";'],
    ["server/endpoints/a.ts", 'import { Journal } from "../storage/file/journal.ts";'],
    ["server/guards/a.ts", 'import { b } from "../endpoints/b.ts";'],
    ["server/storage/file/a.ts", 'import { Hono } from "hono";'],
    ["server/storage/a.ts", 'import type { Config } from "../configuration/config.ts";'],
    ["server/storage/a.ts", 'import type { Grant } from "#protocol/grant.ts";'],
    ["server/copies/a.ts", 'import { openStorage } from "../storage/open.ts";'],
    ["server/storage/postgres/a.ts", 'import { b } from "../file/b.ts";'],
    ["protocol/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["protocol/a.ts", 'import { b } from "./sealing/box.ts";'],
    ["web/customer/screens/a.tsx", 'import { b } from "#protocol/sealing/box.ts";'],
    ["web/parts/a.tsx", 'import { vault } from "../vault/vault.ts";'],
    ["web/vault/a.ts", 'import { B } from "../parts/b.tsx";'],
    ["web/vault/a.ts", 'import { join } from "node:path";'],
    ["vendor-sdk/a.ts", 'import { b } from "#protocol/b.ts";'],
    ["vendor-sdk/a.ts", 'import type { B } from "../server/b.ts";'],
    ["server/a.ts", "export const b = (name: string) => import(name);"],
    ["web/locales/a.ts", 'import { b } from "../vault/b.ts";'],
  ])("%s may not say %s", (path, text) => {
    expect(broken(path, text)).not.toEqual([]);
  });

  test("what is allowed is not reported", () => {
    expect(broken("server/endpoints/a.ts", 'import { b } from "#protocol/b.ts"; import { c } from "../storage/storage.ts";')).toEqual([]);
    expect(broken("web/vault/a.ts", 'import { b } from "#protocol/sealing/box.ts";')).toEqual([]);
    expect(broken("vendor-sdk/index.ts", 'export { b } from "./b.ts";')).toEqual([]);
  });

  test("rings are found, types included", () => {
    const ring = [
      file("server/a.ts", 'import type { B } from "./b.ts";'),
      file("server/b.ts", 'import { c } from "./c.ts";'),
      file("server/c.ts", 'import { a } from "./a.ts";'),
      file("server/d.ts", 'import { a } from "./a.ts";'),
    ];
    expect(cycles(ring).map((it) => it.sort())).toEqual([["server/a.ts", "server/b.ts", "server/c.ts"]]);
    expect(reachable(ring, (path) => path === "server/d.ts").has("server/c.ts")).toBe(true);
  });

  test.each([
    ["server/app.ts", "const port = process.env.PORT;"],
    ["web/parts/a.tsx", "const a = await fetch(address);"],
    ["web/customer/screens/a.tsx", "<p dangerouslySetInnerHTML={{ __html: a }} />"],
    ["protocol/grant.ts", "const now = Date.now();"],
  ])("the habit in %s is seen: %s", (path, text) => {
    expect(habits.filter((habit) => badHabits([{ path, text }], habit).length > 0)).toHaveLength(1);
    expect(habits.filter((habit) => badHabits([{ path, text: `// ${text}` }], habit).length > 0)).toHaveLength(0);
  });
});
