import { CompactEncrypt, importJWK, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { canonical, hashOf } from "#protocol/canonical.ts";
import type { Context } from "#protocol/sealing/box.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { type AgreementPair, makeAgreementPair, makeSigningPair } from "#protocol/sealing/pairs.ts";
import { openSealed, sealTo } from "#protocol/sealing/seal-to.ts";
import { evidence } from "./support/changes.ts";

const context: Context = ["grant-key", "grant", "https://shop.example"];
const plaintext = randomBytes(32);
let pair: AgreementPair;
let ctx: string;
beforeAll(async () => {
  pair = await makeAgreementPair();
  ctx = await hashOf(canonical(context));
});
const publicKey = (): JWK => ({ kty: "OKP", crv: "X25519", x: pair.x });
const privateKey = (): JWK => ({ ...publicKey(), d: pair.d });

const generate = async (namedCurve: string): Promise<JWK> =>
  (await crypto.subtle.exportKey(
    "jwk",
    (
      await crypto.subtle.generateKey({ name: "ECDH", namedCurve }, true, ["deriveBits"])
    ).privateKey,
  )) as JWK;

async function encrypt(header: Record<string, string>, key: JWK = publicKey()): Promise<string> {
  const { alg = "ECDH-ES+A256KW", enc = "A256GCM", ...rest } = header;
  return new CompactEncrypt(plaintext).setProtectedHeader({ alg, enc, ctx, ...rest }).encrypt(await importJWK(key, alg));
}

describe("what is sealed", () => {
  it("opens with exactly these algorithms", async () => {
    expect(await openSealed(privateKey(), await encrypt({}), context)).toEqual(plaintext);
    for (const alg of ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW"])
      await expect(openSealed(privateKey(), await encrypt({ alg }), context)).rejects.toEqual(evidence("malformed"));
    for (const enc of ["A128GCM", "A192GCM", "A256CBC-HS512", "A128CBC-HS256"])
      await expect(openSealed(privateKey(), await encrypt({ enc }), context)).rejects.toEqual(evidence("malformed"));
  });

  it("is refused compressed, as its size would then say what is in it", async () =>
    await expect(openSealed(privateKey(), await encrypt({ zip: "DEF" }), context)).rejects.toEqual(evidence("malformed")));

  it("is refused without its context, or with another in the header", async () => {
    for (const other of ["", "AAAA", await hashOf("elsewhere")])
      await expect(openSealed(privateKey(), await encrypt({ ctx: other }), context)).rejects.toEqual(evidence("context"));
    const bare = await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: "ECDH-ES+A256KW", enc: "A256GCM" })
      .encrypt(await importJWK(publicKey(), "ECDH-ES+A256KW"));
    await expect(openSealed(privateKey(), bare, context)).rejects.toEqual(evidence("context"));
  });

  it("opens with a key that can't be taken out of the browser", async () => {
    const { kty, crv, d, x } = privateKey();
    const key = await crypto.subtle.importKey("jwk", { kty, crv, d, x } as JsonWebKey, "X25519", false, ["deriveBits"]);
    expect(await openSealed(key, await sealTo(publicKey(), plaintext, context), context)).toEqual(plaintext);
  });

  it("to a vendor's P-256 key opens with it", async () => {
    const { kty, crv, x, y, d } = await generate("P-256");
    const sealed = await sealTo({ kty, crv, x, y } as JWK, plaintext, context);
    expect(await openSealed({ kty, crv, x, y, d } as JWK, sealed, context)).toEqual(plaintext);
    await expect(openSealed(privateKey(), sealed, context)).rejects.toEqual(evidence("malformed"));
  });

  it("never says the private part of a key that was given whole", async () => {
    const sealed = await sealTo(privateKey(), plaintext, context);
    expect(Buffer.from(sealed.split(".")[0] as string, "base64url").toString()).not.toContain(pair.d);
  });
});

describe("a key that is named for sealing", () => {
  // RFC 7748 section 7; the points of small order, of which every shared secret is zero: anyone could open.
  const SMALL = [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    `ec${"ff".repeat(30)}7f`,
    `ed${"ff".repeat(30)}7f`,
    `ee${"ff".repeat(30)}7f`,
  ];
  it.each(SMALL)("of small order is refused: %s", async (point) => {
    const x = Buffer.from(point, "hex").toString("base64url");
    await expect(sealTo({ kty: "OKP", crv: "X25519", x }, plaintext, context)).rejects.toEqual(evidence("malformed"));
  });

  it("of another curve or kind is refused", async () => {
    const [p384, p521] = [await generate("P-384"), await generate("P-521")];
    const p256 = await generate("P-256");
    const others: JWK[] = [
      { kty: "OKP", crv: "Ed25519", x: (await makeSigningPair()).x },
      { kty: "EC", crv: "P-384", x: p384.x as string, y: p384.y as string },
      { kty: "EC", crv: "P-521", x: p521.x as string, y: p521.y as string },
      { kty: "EC", crv: "P-256", x: p256.x as string, y: p256.x as string },
      { kty: "EC", crv: "P-256", x: p256.x as string },
      { kty: "OKP", crv: "X25519", x: "AAAA" },
      { kty: "OKP", crv: "X25519" },
      { kty: "oct", k: "AAAA" },
      {} as JWK,
    ];
    for (const key of others) await expect(sealTo(key, plaintext, context)).rejects.toEqual(evidence("malformed"));
  });
});
