import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestAt, isRecordPath, isSharePath, KINDS, kindAt } from "#protocol/categories.ts";
import { covers, formRank, isShareable, splitPath } from "#protocol/paths.ts";
import { anyText } from "./support/changes.ts";

const forms = (path: string): string[] => kindAt(path)?.forms.map(({ name }) => `${path}:${name}`) ?? [];
const ALL = [
  "profile",
  "preferences",
  ...KINDS.flatMap(({ path, digests }) => digests.map(({ name }) => `${path}:${name}`)),
  ...KINDS.flatMap(({ path, many }) => (many ? [path, `${path}/a1`, `${path}/a10`, `${path}/b`] : [path])).flatMap((path) => [
    path,
    ...forms(path),
  ]),
];

describe("covers", () => {
  it("holds of every path and itself", () => expect(ALL.filter((path) => !covers(path, path))).toEqual([]));

  it("is transitive, and holds both ways only between equals", () => {
    const broken: string[] = [];
    for (const a of ALL)
      for (const b of ALL) {
        if (!covers(a, b)) continue;
        if (a !== b && covers(b, a)) broken.push(`${a} = ${b}`);
        for (const c of ALL) if (covers(b, c) && !covers(a, c)) broken.push(`${a} > ${b} > ${c}`);
      }
    expect(broken).toEqual([]);
  });

  it("never lets a form widen: a form covers no whole, no greater form and nothing outside its base", () => {
    for (const form of ALL.filter((path) => path.includes(":") && digestAt(path) === undefined)) {
      const { base } = splitPath(form);
      for (const other of ALL.filter((path) => covers(form, path))) {
        expect(other).toContain(":");
        expect(splitPath(other).base === base || splitPath(other).base.startsWith(`${base}/`)).toBe(true);
        expect(formRank(splitPath(other).base, splitPath(other).form)).toBeGreaterThanOrEqual(formRank(base, splitPath(form).form));
      }
    }
  });

  it("of a digest holds of itself alone, and of the whole collection toward it", () => {
    const digests = ALL.filter((path) => digestAt(path) !== undefined);
    expect(digests).toEqual(["purchases:tastes", "purchases:shops"]);
    for (const digest of digests) {
      expect(ALL.filter((path) => covers(digest, path))).toEqual([digest]);
      expect(ALL.filter((path) => covers(path, digest))).toEqual([digest, splitPath(digest).base]);
    }
  });

  it("ends at a slash: what begins with the same letters is another", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL.filter((path) => !path.includes(":"))),
        fc.stringMatching(/^[A-Za-z0-9_:-]{1,5}$/),
        (path, more) => {
          expect(covers(path, `${path}${more.replaceAll(":", "-")}`)).toBe(false);
          expect(covers(`${path}${more.replaceAll(":", "-")}`, path)).toBe(false);
        },
      ),
    ));

  it("of any text at all says yes or no, and yes only of a text that begins with the other's base", () =>
    fc.assert(
      fc.property(fc.oneof(anyText, fc.constantFrom(...ALL)), fc.oneof(anyText, fc.constantFrom(...ALL)), (a, b) => {
        if (covers(a, b)) expect(b.startsWith(splitPath(a).base)).toBe(true);
        isShareable(a);
        isSharePath(a);
        digestAt(a);
        isRecordPath(a);
      }),
    ));
});

it("a share lies at a record, in a form or whole, or at a digest; never at a whole collection or a category", () => {
  const places = ALL.filter((path) => digestAt(path) !== undefined || isRecordPath(splitPath(path).base));
  expect(ALL.filter(isSharePath)).toEqual(places);
  for (const path of ["profile", "purchases", "purchases:category", "purchases:other", "purchases:tastes:x", "", ":", "purchases:"])
    expect(isSharePath(path), path).toBe(false);
});

describe("a kind", () => {
  it("is found at its path, its members and its forms, and nowhere else", () => {
    for (const kind of KINDS) {
      expect(kindAt(kind.path)).toBe(kind);
      expect(kindAt(`${kind.path}/a1`)).toBe(kind.many ? kind : undefined);
      expect(kindAt(`${kind.path}/a1/b`)).toBeUndefined();
      expect(kindAt(`${kind.path}/`)).toBeUndefined();
      expect(kindAt(`${kind.path}x`)).toBeUndefined();
      expect(kindAt(kind.path.slice(0, -1))).toBeUndefined();
      for (const form of forms(kind.path)) expect(kindAt(form)).toBe(kind);
    }
    for (const name of [
      "",
      "/",
      "__proto__",
      "constructor",
      "toString",
      "profile/__proto__",
      "x\nprofile/emails/e1",
      "profile/emails/e1\n",
    ])
      expect(kindAt(name)).toBeUndefined();
  });
});
