import fc from "fast-check";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { MOVE_TYP, type MoveStatement, moveObject, originOf, verifyMove } from "#protocol/move.ts";
import { PACKAGE_ROWS, PackageRow } from "#protocol/move-package.ts";
import { makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";

const FROM = "https://old.example";
const TO = "https://new.example";
const AUDIENCE = "https://aldina.example/client.json";
const grant = newId();
let pair: SigningPair;
let iss: string;
beforeAll(async () => {
  pair = await makeSigningPair();
  iss = await ed25519Thumbprint(pair.x);
});

const statement = (change: object = {}): MoveStatement => ({
  iss,
  aud: AUDIENCE,
  jti: newId(),
  iat: 1_795_000_000,
  grant_id: grant,
  from: FROM,
  to: TO,
  ...change,
});
const expected = () => ({ pinned: iss, audience: AUDIENCE, grant, from: FROM, to: TO });

describe("a customer's word that a grant has moved", () => {
  test("is read back by the key that the vendor has pinned", async () => {
    const said = statement();
    expect(await verifyMove(await sign(said, MOVE_TYP, pair, true), expected())).toEqual(said);
  });

  test.each([
    ["another grant", () => ({ grant_id: newId() }), "context"],
    ["another vendor", () => ({ aud: "https://evil.example/client.json" }), "audience"],
    ["another server to leave", () => ({ from: "https://else.example" }), "context"],
    ["another server to go to", () => ({ to: "https://else.example" }), "context"],
    ["an issuer that is not its key", () => ({ iss: "A".repeat(43) }), "signature"],
    ["more than it may say", () => ({ more: 1 }), "malformed"],
  ])("is refused with %s", async (_name, change, code) => {
    await expect(verifyMove(await sign(statement(change()), MOVE_TYP, pair, true), expected())).rejects.toMatchObject({ code });
  });

  test("is refused by another key, of another typ, and where it leads nowhere else", async () => {
    const other = await makeSigningPair();
    const by = await sign(statement({ iss: await ed25519Thumbprint(other.x) }), MOVE_TYP, other, true);
    await expect(verifyMove(by, expected())).rejects.toMatchObject({ code: "pin" });
    await expect(verifyMove(await sign(statement(), "consent+jwt", pair, true), expected())).rejects.toMatchObject({ code: "typ" });
    await expect(verifyMove(await sign(statement(), MOVE_TYP, pair), expected())).rejects.toMatchObject({ code: "malformed" });
    for (const to of [FROM, "https://new.example/", "javascript:alert(1)", "new.example"]) {
      const { to: _, ...open } = expected();
      await expect(verifyMove(await sign(statement({ to }), MOVE_TYP, pair, true), open), to).rejects.toMatchObject({ code: "malformed" });
    }
  });

  test("has one text: no changed character is taken", async () => {
    const token = await sign(statement(), MOVE_TYP, pair, true);
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom("A", "b", "_", ".", "="), async (at, character) => {
        fc.pre(token[at] !== character);
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        await expect(verifyMove(changed, expected())).rejects.toThrow();
      }),
      { numRuns: 60 },
    );
  });
});

test("an origin is written in one way", () => {
  fc.assert(
    fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
      const origin = originOf(url);
      expect(origin === undefined || origin === url).toBe(true);
      expect(originOf(new URL(url).origin)).toBe(new URL(url).origin);
    }),
    { numRuns: 20 },
  );
  for (const text of ["", "null", "file:///", "https://A.example", "https://a.example/", "https://u@a.example", "https://a.example:443"])
    expect(originOf(text), text).toBeUndefined();
});

test("what a passkey approves changes with every part of the plan", async () => {
  const plan = { to: TO, head: "h".repeat(43), living: [grant], statements: { [grant]: "a.b.c" } };
  const others = [
    { ...plan, to: FROM },
    { ...plan, head: "i".repeat(43) },
    { ...plan, living: [] },
    { ...plan, statements: {} },
    { ...plan, statements: { [grant]: "a.b.d" } },
  ];
  const objects = await Promise.all([plan, ...others].map(moveObject));
  expect(new Set(objects).size).toBe(objects.length);
});

test("a row of a package is of one kind, with no member besides: whatever else comes is refused, and nothing throws", () => {
  const row = { kind: "record", path: "profile/name", version: 1, epoch: 1, body: "AAAA" };
  expect(v.is(PackageRow, row)).toBe(true);
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(PACKAGE_ROWS), "other"), fc.dictionary(fc.string(), fc.jsonValue()), (kind, members) => {
      const read = v.safeParse(PackageRow, { ...members, kind });
      if (read.success) expect(Object.keys(read.output).sort()).toEqual(Object.keys({ ...members, kind }).sort());
    }),
  );
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (name, value) => {
      fc.pre(!(name in row));
      expect(v.is(PackageRow, { ...row, [name]: value })).toBe(false);
    }),
  );
});
