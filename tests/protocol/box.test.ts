import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64url, canonical, concat, utf8 } from "#protocol/canonical.ts";
import { box, type Context, openBox } from "#protocol/sealing/box.ts";
import { hkdf, randomBytes } from "#protocol/sealing/derive.ts";
import { pad, paddedLength, unpad } from "#protocol/sealing/padding.ts";
import { openRecord, openShare, sealRecord } from "#protocol/sealing/record.ts";
import { anyText, evidence, outcomeOf } from "./support/changes.ts";

const context: Context = ["test", "a", 1];
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("a box", () => {
  it("opens to what was put in, of any length and bytes", () =>
    fc.assert(
      fc.asyncProperty(bytes(32), fc.uint8Array({ maxLength: 2000 }), async (key, plaintext) => {
        expect(await openBox(key, await box(key, plaintext, context), context)).toEqual(Uint8Array.from(plaintext));
      }),
    ));

  it("never has the same text twice", async () => {
    const key = randomBytes(32);
    expect(await box(key, new Uint8Array(1), context)).not.toBe(await box(key, new Uint8Array(1), context));
  });

  it("opens under no second key, though the cipher would: the commitment is checked", () =>
    fc.assert(
      fc.asyncProperty(bytes(32), bytes(32), bytes(24), async (first, second, nonce) => {
        fc.pre(!Buffer.from(first).equals(Buffer.from(second)));
        const [one, two] = [await hkdf(first, nonce, "counterfoil/box/v1", 64), await hkdf(second, nonce, "counterfoil/box/v1", 64)];
        const sealed = xchacha20poly1305(two.slice(0, 32), nonce, utf8(canonical(context))).encrypt(pad(utf8("two faces")));
        const twoFaced = base64url.encode(concat(nonce, one.slice(32), sealed));
        await expect(openBox(first, twoFaced, context)).rejects.toEqual(evidence("context"));
        await expect(openBox(second, twoFaced, context)).rejects.toEqual(evidence("commitment"));
        // The control: with the second key's own commitment it is a box of the second key.
        expect(await openBox(second, base64url.encode(concat(nonce, two.slice(32), sealed)), context)).toEqual(utf8("two faces"));
      }),
      { numRuns: 20 },
    ));

  it("is bound to its context whole: identifiers that run together are others", async () => {
    const key = randomBytes(32);
    const boxed = await box(key, new Uint8Array(1), ["test", "ab", "c", 1]);
    for (const other of [
      ["test", "a", "bc", 1],
      ["test", "ab", "c", "1"],
      ["test", "ab", "c"],
      ["test", "ab", "c", 1, 1],
      ["testab", "c", 1],
      ["other", "ab", "c", 1],
    ])
      await expect(openBox(key, boxed, other as unknown as Context)).rejects.toEqual(evidence("context"));
  });

  it("of a padding that isn't exact is refused, though sealed by the right key", async () => {
    const key = randomBytes(32);
    const nonce = randomBytes(24);
    const keys = await hkdf(key, nonce, "counterfoil/box/v1", 64);
    const seal = (padded: Uint8Array) =>
      base64url.encode(
        concat(nonce, keys.slice(32), xchacha20poly1305(keys.slice(0, 32), nonce, utf8(canonical(context))).encrypt(padded)),
      );
    expect(await openBox(key, seal(pad(new Uint8Array(3))), context)).toHaveLength(3);
    for (const padded of [
      new Uint8Array(256),
      new Uint8Array(0),
      new Uint8Array([0x80]),
      concat(pad(new Uint8Array(3)), new Uint8Array(1)),
      new Uint8Array(256).fill(1),
    ])
      await expect(openBox(key, seal(padded), context)).rejects.toEqual(evidence("context"));
  });

  it("is refused for its commitment alone if any byte of that is another", async () => {
    const key = randomBytes(32);
    const bytes = base64url.decode(await box(key, new Uint8Array(1), context));
    for (let at = 24; at < 56; at++) {
      const changed = bytes.with(at, (bytes[at] as number) ^ 1);
      await expect(openBox(key, base64url.encode(changed), context)).rejects.toEqual(evidence("commitment"));
    }
    await expect(openBox(key, base64url.encode(bytes.with(56, (bytes[56] as number) ^ 1)), context)).rejects.toEqual(evidence("context"));
  });

  it("too short for a nonce, a commitment and a tag is no box", async () => {
    const key = randomBytes(32);
    const whole = base64url.decode(await box(key, new Uint8Array(1), context));
    for (const length of [0, 1, 24, 55, 56, 71])
      await expect(openBox(key, base64url.encode(whole.slice(0, length)), context)).rejects.toEqual(evidence("malformed"));
    await expect(openBox(key, base64url.encode(whole.slice(0, 72)), context)).rejects.toEqual(evidence("context"));
  });

  it("that is anything else is refused by name", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          anyText,
          fc.base64String(),
          fc.uint8Array({ maxLength: 400 }).map((each) => base64url.encode(each)),
        ),
        async (junk) => {
          expect(["malformed", "commitment"]).toContain(await outcomeOf((text) => openBox(new Uint8Array(32), text, context), junk));
        },
      ),
    ));
});

describe("padding", () => {
  it("gives back what was padded, and its length says its class and no more", () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 255 }), (length, fill) => {
        const plaintext = new Uint8Array(length).fill(fill);
        const padded = pad(plaintext);
        expect(padded).toHaveLength(paddedLength(length + 1));
        expect(padded.length).toBeGreaterThan(length);
        if (padded.length > 256) expect(padded.length / (length + 1)).toBeLessThanOrEqual(1.12);
        expect(Buffer.from(unpad(padded)).equals(plaintext)).toBe(true);
      }),
    ));

  it("has few classes: 129 for all lengths up to a record's 64 KiB, of which a box shows nothing finer", async () => {
    const classes = new Set(Array.from({ length: 65_536 }, (_, length) => paddedLength(length + 1)));
    expect(classes.size).toBe(129);
    const lengthOf = async (length: number) => (await box(new Uint8Array(32), new Uint8Array(length), context)).length;
    expect(await lengthOf(0)).toBe(await lengthOf(255));
    expect(await lengthOf(256)).toBe(await lengthOf(271));
    expect(await lengthOf(256)).not.toBe(await lengthOf(255));
    expect(await lengthOf(1023)).not.toBe(await lengthOf(1024));
    expect(await lengthOf(1024)).toBe(await lengthOf(1024 + 63));
  });

  it("never shrinks as what is padded grows, and a padded length is its own class", () => {
    let last = 0;
    for (let length = 1; length <= 65_537; length++) {
      const padded = paddedLength(length);
      if (padded < last || padded < length || paddedLength(padded) !== padded) throw new Error(`at ${length}`);
      last = padded;
    }
  });
});

describe("what is in a record's or share's box", () => {
  const key = randomBytes(32);
  const place = { grant: "AAAAAAAAAAAAAAAAAAAAAA", path: "profile/name", version: 1 };
  const open = async (inside: Uint8Array) =>
    openShare(key, { ...place, body: await box(key, inside, ["share", place.grant, place.path, place.version]) });

  it("is a value or a removal, and nothing else", async () => {
    expect(await open(utf8('{"value":null}'))).toEqual({ value: null });
    expect(await open(utf8('{"removed":true}'))).toEqual({ removed: true });
    const others = [
      "",
      "{}",
      "[]",
      "null",
      "1",
      '"value"',
      '{"value":1',
      '{"removed":false}',
      '{"removed":1}',
      '{"value":1,"removed":true}',
      '{"value":1,"more":1}',
      '{"__proto__":{"value":1}}',
    ];
    for (const inside of others) await expect(open(utf8(inside))).rejects.toEqual(evidence("malformed"));
    await expect(open(new Uint8Array([0xff]))).rejects.toEqual(evidence("malformed"));
  });

  it("keeps any JSON value, members named like a prototype's too, and changes nothing else", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom("__proto__", "constructor", "toString", "a"), fc.jsonValue())),
        async (anything) => {
          const value: unknown = JSON.parse(JSON.stringify(anything));
          fc.pre(value !== undefined && !Object.is(value, -0));
          const record = await sealRecord(key, place.grant, { path: "profile/name", version: 1, epoch: 1 }, { value });
          const opened = await openRecord(key, place.grant, record);
          expect(canonical(opened)).toBe(canonical({ value }));
          expect(Object.keys(Object.prototype)).toEqual([]);
        },
      ),
    ));

  it("with a member named __proto__ is no other object's prototype", async () => {
    const value: unknown = JSON.parse('{"__proto__":{"admin":true}}');
    const record = await sealRecord(key, place.grant, { path: "profile/name", version: 1, epoch: 1 }, { value });
    const opened = (await openRecord(key, place.grant, record)) as { value: Record<string, unknown> };
    expect(Object.getPrototypeOf(opened.value)).toBe(Object.prototype);
    expect(Object.hasOwn(opened.value, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});
