import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** What git knows or would take. */
const everyFile = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const packages = everyFile.filter((path) => /(^|\/)package\.json$/.test(path));
const locks = everyFile.filter((path) => /(^|\/)package-lock\.json$/.test(path));
const isText = (path: string): boolean => !/\.(woff2|png|jpg|ico|zip|gz|pdf|vcf|br)$/.test(path);

/** Folders of one machine. Written so that this file doesn't find itself. */
const machinePaths = [/(?<![\w.}])\/(?:work|root)\//, /(?<![\w.}])\/(?:home|Users|tmp)\/[A-Za-z]/, /[A-Z]:\\Users/];
const issueNumbers = [
  /\b(?:issue|pull request|PR|ticket|bug)s? ?#?\d{1,6}\b/i,
  /\b[\w.-]+\/[\w.-]+#\d+\b/,
  /\/(?:issues|pull)\/\d+/,
  /(?<=^|\s|\()#\d{1,5}(?=[\s),.:;]|$)/m,
];

const mentions = (text: string, patterns: RegExp[]): string[] => patterns.flatMap((pattern) => pattern.exec(text)?.[0] ?? []);

describe("packages", () => {
  test.each(packages)("%s pins exact versions", (path) => {
    const {
      dependencies = {},
      devDependencies = {},
      optionalDependencies = {},
    } = JSON.parse(read(path)) as Record<string, Record<string, string>>;
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  test("the lock names no registry and knows every file by its hash", () => {
    expect(locks).toContain("package-lock.json");
    for (const path of locks) {
      const lock = JSON.parse(read(path)) as { packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }> };
      const entries = Object.entries(lock.packages).filter(([name]) => name.includes("node_modules/"));
      expect(entries.length).toBeGreaterThan(20);
      const ours = (it: { resolved?: string; link?: boolean }): boolean => it.link === true && !/^\w+:\/\//.test(it.resolved ?? "");
      expect(entries.filter(([, it]) => !ours(it) && (it.resolved !== undefined || !it.integrity))).toEqual([]);
      expect(read(path)).not.toMatch(/https?:\/\/[^"]*registry/);
    }
  });

  test("npm keeps it so", () => {
    expect(read(".npmrc")).toContain("omit-lockfile-registry-resolved=true");
  });
});

describe("what is written", () => {
  test("there are files to read", () => {
    expect(everyFile.length).toBeGreaterThan(50);
    expect(packages).toContain("package.json");
  });

  test.each([
    ["a folder of one machine", machinePaths, /^$/],
    // A colour like #111 looks the same.
    ["a number of an issue", issueNumbers, /\.(css|svg)$/],
  ])("no file names %s", (_, patterns, except) => {
    const files = everyFile.filter(
      (path) => isText(path) && !except.test(path) && path !== "tests/architecture/repository.test.ts" && !locks.includes(path),
    );
    const found = files.flatMap((path) => mentions(read(path), patterns).map((it) => `${path}: ${it.trim()}`));
    expect(found).toEqual([]);
  });

  test("such names would be found", () => {
    for (const text of ["see /work/x", "/root/.npmrc", "in /home/ann/x", "/tmp/x"])
      expect(mentions(text, machinePaths), text).not.toEqual([]);
    for (const text of ["fixes issue 12", "PR 5185", "typicode/lowdb#549", "see /issues/3", "closes #12."])
      expect(mentions(text, issueNumbers), text).not.toEqual([]);
    for (const text of ["color: #414141;", "log entry 1204", "a#b", "#protocol/x", "https://example.org/work"])
      expect(mentions(text, [...machinePaths, ...issueNumbers]), text).toEqual([]);
  });
});
