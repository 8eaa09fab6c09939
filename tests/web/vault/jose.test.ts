import * as jose from "jose";
import { describe, expect, it } from "vitest";
import * as lean from "../../../web/vault/jose.ts";

const text = new TextEncoder().encode("Grüße, ada@example.org");
const ALGORITHMS = { keyManagementAlgorithms: ["ECDH-ES+A256KW"], contentEncryptionAlgorithms: ["A256GCM"] };
const header = { alg: "ECDH-ES+A256KW", enc: "A256GCM", ctx: "context" };

async function agreement(crv: "X25519" | "P-256") {
  const { publicKey, privateKey } = await jose.generateKeyPair("ECDH-ES+A256KW", { crv, extractable: true });
  return { open: await jose.exportJWK(publicKey), secret: await jose.exportJWK(privateKey) };
}
const own = (jwk: jose.JWK): Promise<CryptoKey> => lean.importJWK(jwk as Parameters<typeof lean.importJWK>[0]);
const theirs = (jwk: jose.JWK) => jose.importJWK(jwk, "ECDH-ES+A256KW");
const changed = (token: string, part: number): string =>
  token
    .split(".")
    .map((each, at) => (at === part ? (each.startsWith("A") ? "B" : "A") + each.slice(1) : each))
    .join(".");

describe.each(["X25519", "P-256"] as const)("sealing to %s", (crv) => {
  it("is opened by jose, and opens what jose sealed", async () => {
    const key = await agreement(crv);
    const sealed = await new lean.CompactEncrypt(text).setProtectedHeader(header).encrypt(await own(key.open));
    const opened = await jose.compactDecrypt(sealed, await theirs(key.secret), ALGORITHMS);
    expect(opened.plaintext).toEqual(text);
    expect(opened.protectedHeader).toMatchObject(header);
    const back = await new jose.CompactEncrypt(text).setProtectedHeader(header).encrypt(await theirs(key.open));
    expect(await lean.compactDecrypt(back, await own(key.secret), ALGORITHMS)).toMatchObject({ plaintext: text, protectedHeader: header });
  });

  it("refuses a change of any part, another key, and every other algorithm", async () => {
    const key = await agreement(crv);
    const secret = await own(key.secret);
    const sealed = await new jose.CompactEncrypt(text).setProtectedHeader(header).encrypt(await theirs(key.open));
    for (const part of [0, 1, 2, 3, 4]) await expect(lean.compactDecrypt(changed(sealed, part), secret, ALGORITHMS)).rejects.toThrow();
    await expect(lean.compactDecrypt(sealed, await own((await agreement(crv)).secret), ALGORITHMS)).rejects.toThrow();
    for (const alg of ["ECDH-ES", "ECDH-ES+A128KW"]) {
      const other = await new jose.CompactEncrypt(text).setProtectedHeader({ ...header, alg }).encrypt(await jose.importJWK(key.open, alg));
      await expect(lean.compactDecrypt(other, secret, ALGORITHMS)).rejects.toThrow();
    }
    const short = await new jose.CompactEncrypt(text).setProtectedHeader({ ...header, enc: "A128GCM" }).encrypt(await theirs(key.open));
    await expect(lean.compactDecrypt(short, secret, ALGORITHMS)).rejects.toThrow();
    await expect(lean.compactDecrypt(sealed.split(".").slice(0, 4).join("."), secret, ALGORITHMS)).rejects.toThrow();
  });
});

describe("signing", () => {
  it("is verified by jose, and verifies what jose signed", async () => {
    const pair = await lean.generateKeyPair("Ed25519", { crv: "Ed25519" });
    const open = (await lean.exportJWK(pair.publicKey)) as jose.JWK;
    const secret = (await lean.exportJWK(pair.privateKey)) as jose.JWK;
    const token = await new lean.CompactSign(text).setProtectedHeader({ alg: "Ed25519", typ: "t" }).sign(pair.privateKey);
    expect((await jose.compactVerify(token, await jose.importJWK(open, "Ed25519"))).payload).toEqual(text);
    const theirs = await new jose.CompactSign(text).setProtectedHeader({ alg: "Ed25519", typ: "t" }).sign(await jose.importJWK(secret, "Ed25519"));
    expect(theirs).toBe(token);
    const options = { algorithms: ["Ed25519"] };
    expect(await lean.compactVerify(theirs, await own(open), options)).toEqual({ payload: text, protectedHeader: { alg: "Ed25519", typ: "t" } });
    for (const part of [1, 2]) await expect(lean.compactVerify(changed(token, part), await own(open), options)).rejects.toBeInstanceOf(lean.errors.JWSSignatureVerificationFailed);
    await expect(lean.compactVerify(token, await own(open), { algorithms: ["ES256"] })).rejects.toThrow();
    await expect(lean.compactVerify(`${token}.`, await own(open), options)).rejects.toThrow();
    const critical = await new lean.CompactSign(text).setProtectedHeader({ alg: "Ed25519", crit: ["b64"] }).sign(pair.privateKey);
    await expect(lean.compactVerify(critical, await own(open), options)).rejects.toThrow();
  });
});

describe("names of keys and bytes", () => {
  it("are jose's", async () => {
    for (const crv of ["X25519", "P-256"] as const) {
      const { open } = await agreement(crv);
      expect(await lean.calculateJwkThumbprint(open as Parameters<typeof lean.calculateJwkThumbprint>[0])).toBe(await jose.calculateJwkThumbprint(open));
    }
    for (let length = 0; length < 40; length++) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      expect(lean.base64url.encode(bytes)).toBe(jose.base64url.encode(bytes));
      expect(lean.base64url.decode(jose.base64url.encode(bytes))).toEqual(bytes);
    }
    for (const wrong of ["A", "A=", "A+==", "ä", "A B"]) expect(() => lean.base64url.decode(wrong)).toThrow(TypeError);
  });
});
