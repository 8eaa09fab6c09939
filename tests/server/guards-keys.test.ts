import { constants, generateKeyPairSync, sign } from "node:crypto";
import { calculateJwkThumbprint, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { objectOf, takeApart } from "../../server/guards/compact-jws.ts";
import { isSignedBy, type PublicKey, publicKey } from "../../server/guards/public-key.ts";

const pairs = {
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  Ed25519: generateKeyPairSync("ed25519"),
  PS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
type Algorithm = keyof typeof pairs;
const ALGORITHMS = Object.keys(pairs) as Algorithm[];
const jwkOf = (alg: Algorithm): JWK => pairs[alg].publicKey.export({ format: "jwk" }) as JWK;
const DATA = "header.payload";
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const SIGNED: Record<Algorithm, Buffer> = {
  ES256: sign("sha256", Buffer.from(DATA), { key: pairs.ES256.privateKey, dsaEncoding: "ieee-p1363" }),
  Ed25519: sign(null, Buffer.from(DATA), pairs.Ed25519.privateKey),
  PS256: sign("sha256", Buffer.from(DATA), { key: pairs.PS256.privateKey, ...pss }),
};

describe("a vendor's public key", () => {
  test.each(ALGORITHMS)("of %s is taken with its thumbprint, and verifies what it has signed alone", async (alg) => {
    const key = publicKey({ ...jwkOf(alg), kid: "k", use: "sig" }, alg) as PublicKey;
    expect(key).toMatchObject({ algorithm: alg, thumbprint: await calculateJwkThumbprint(jwkOf(alg)) });
    expect(isSignedBy(key, DATA, SIGNED[alg])).toBe(true);
    expect(isSignedBy(key, `${DATA}x`, SIGNED[alg])).toBe(false);
    for (const other of ALGORITHMS) if (other !== alg) expect(isSignedBy(key, DATA, SIGNED[other]), other).toBe(false);
    expect(isSignedBy(key, DATA, SIGNED[alg].subarray(1))).toBe(false);
    expect(isSignedBy(key, DATA, Buffer.alloc(0))).toBe(false);
  });

  test("signs by its algorithm's one form: no DER, no longer ES256, no PKCS1-v1_5 padding, no other salt", () => {
    const ec = publicKey(jwkOf("ES256"), "ES256") as PublicKey;
    expect(isSignedBy(ec, DATA, sign("sha256", Buffer.from(DATA), pairs.ES256.privateKey))).toBe(false);
    expect(isSignedBy(ec, DATA, Buffer.concat([SIGNED.ES256, Buffer.alloc(1)]))).toBe(false);
    const rsa = publicKey(jwkOf("PS256"), "PS256") as PublicKey;
    const by = (how: object) => sign("sha256", Buffer.from(DATA), { key: pairs.PS256.privateKey, ...how });
    expect(isSignedBy(rsa, DATA, by({}))).toBe(false);
    expect(isSignedBy(rsa, DATA, by({ ...pss, saltLength: 20 }))).toBe(false);
    expect(isSignedBy(rsa, DATA, sign("sha512", Buffer.from(DATA), { key: pairs.PS256.privateKey, ...pss }))).toBe(false);
  });

  test("goes by EdDSA's older name too, and by no other", () => {
    expect(publicKey(jwkOf("Ed25519"), "EdDSA")?.algorithm).toBe("Ed25519");
    for (const kind of ALGORITHMS)
      for (const alg of [...ALGORITHMS, "EdDSA", "none", "RS256", "HS256", "ES384", "es256", "", undefined, null, ["ES256"]])
        if (alg !== kind && !(kind === "Ed25519" && alg === "EdDSA")) expect(publicKey(jwkOf(kind), alg), `${kind} ${alg}`).toBeUndefined();
  });

  const ed = jwkOf("Ed25519");
  const ec = jwkOf("ES256");
  const rsa = jwkOf("PS256");
  test.each<[string, unknown, string]>([
    ["no object", "key", "ES256"],
    ["null", null, "ES256"],
    ["nothing", undefined, "ES256"],
    ["a private key", pairs.ES256.privateKey.export({ format: "jwk" }), "ES256"],
    ["a private Ed25519 key", pairs.Ed25519.privateKey.export({ format: "jwk" }), "Ed25519"],
    ["a private RSA key", pairs.PS256.privateKey.export({ format: "jwk" }), "PS256"],
    ["a secret beside it", { ...ec, k: "AAAA" }, "ES256"],
    ["another kind", { ...ec, kty: "OKP" }, "ES256"],
    ["another curve", { ...ec, crv: "P-384" }, "ES256"],
    ["a key of another curve", generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" }), "ES256"],
    ["a key of Bitcoin's curve", generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ format: "jwk" }), "ES256"],
    ["a point beside the curve", { ...ec, y: ec.x }, "ES256"],
    ["half a point", { ...ec, y: undefined }, "ES256"],
    ["the other half", { ...ec, x: undefined }, "ES256"],
    ["a number as x", { ...ed, x: 1 }, "Ed25519"],
    ["another kind for Ed25519", { ...ed, kty: "EC" }, "Ed25519"],
    ["an X25519 key", { ...ed, crv: "X25519" }, "Ed25519"],
    ["an x that is too short", { ...ed, x: ed.x?.slice(4) }, "Ed25519"],
    ["another kind for PS256", { ...rsa, kty: "EC" }, "PS256"],
    ["no n", { ...rsa, n: undefined }, "PS256"],
    ["no e", { ...rsa, e: undefined }, "PS256"],
    ["an n without end", { ...rsa, n: "_".repeat(1401) }, "PS256"],
    ["an e without end", { ...rsa, e: `${"A".repeat(1400)}${rsa.e}` }, "PS256"],
    ["1024 bits", generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" }), "PS256"],
  ])("is refused: %s", (_, jwk, alg) => expect(publicKey(jwk, alg)).toBeUndefined());

  test("of 8192 bits is taken", () => expect(publicKey({ ...rsa, n: `_${"A".repeat(1364)}Q` }, "PS256")).toBeDefined());
});

describe("a compact JWS", () => {
  test("is three parts with two points between them", () => {
    expect(takeApart("a.b-_9.Zz")).toEqual({ header: "a", payload: "b-_9", signature: "Zz", signed: "a.b-_9" });
    for (const text of [
      "",
      ".",
      "..",
      "a",
      "a.b",
      "a.b.",
      "a..c",
      ".b.c",
      "a.b.c.d",
      "a.b.c=",
      "a.b/.c",
      "a+.b.c",
      " a.b.c",
      "a.b.c\n",
      "a.b .c",
    ])
      expect(takeApart(text), text).toBeUndefined();
  });

  test("says JSON objects, or nothing", () => {
    const of = (text: string) => objectOf(Buffer.from(text).toString("base64url"));
    expect(of('{"a":1}')).toEqual({ a: 1 });
    for (const text of ["", "{", "[]", "null", "1", '"a"']) expect(of(text), text).toBeUndefined();
  });
});
