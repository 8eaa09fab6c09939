import fc from "fast-check";
import { expect, it } from "vitest";
import { base64url } from "#protocol/canonical.ts";
import { isRecordPath, KINDS, kindAt } from "#protocol/categories.ts";
import { covers } from "#protocol/paths.ts";
import { aliasOf } from "#protocol/sealing/alias.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const key = bytes(32);
const id = bytes(16).map((each) => base64url.encode(each));
const collection = fc.constantFrom(...KINDS.filter((each) => each.many).map((each) => each.path));
const idOf = (path: string): string => path.split("/").at(-1) ?? "";

it("one grant always gives a record the same name, and another record another one", () =>
  fc.assert(
    fc.asyncProperty(key, collection, id, id, async (grant, kind, one, other) => {
      fc.pre(one !== other);
      const alias = await aliasOf(grant, `${kind}/${one}`);
      expect(await aliasOf(Uint8Array.from(grant), `${kind}/${one}`)).toBe(alias);
      expect(await aliasOf(grant, `${kind}/${other}`)).not.toBe(alias);
    }),
  ));

it("two grants that differ in one bit give names that have nothing in common with each other or with the record's own", () =>
  fc.assert(
    fc.asyncProperty(key, fc.nat(255), collection, id, async (grant, bit, kind, own) => {
      const other = grant.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const path = `${kind}/${own}`;
      const names = [own, idOf(await aliasOf(grant, path)), idOf(await aliasOf(other, path))];
      const pieces = names.map((name) => new Set(Array.from({ length: name.length - 5 }, (_, at) => name.slice(at, at + 6))));
      expect(new Set(pieces.flatMap((each) => [...each])).size).toBe(pieces.reduce((sum, each) => sum + each.size, 0));
    }),
  ));

it("the same id in two collections has two names", () =>
  fc.assert(
    fc.asyncProperty(key, id, async (grant, own) => {
      const names = [await aliasOf(grant, `profile/emails/${own}`), await aliasOf(grant, `profile/addresses/${own}`)].map(idOf);
      expect(new Set(names).size).toBe(2);
    }),
  ));

it("an alias is a record's path of the same kind that the same consents cover; a single kind keeps its own", () =>
  fc.assert(
    fc.asyncProperty(key, fc.constantFrom(...KINDS), id, async (grant, kind, own) => {
      const path = kind.many ? `${kind.path}/${own}` : kind.path;
      const alias = await aliasOf(grant, path);
      expect(isRecordPath(alias)).toBe(true);
      expect(kindAt(alias)).toBe(kind);
      expect(covers(kind.path, alias)).toBe(true);
      expect(alias === path).toBe(!kind.many);
      expect(idOf(alias)).toMatch(kind.many ? /^[A-Za-z0-9_-]{22}$/ : /^[a-z]+$/);
    }),
  ));
