import { CompactEncrypt, type CryptoKey, compactDecrypt, importJWK, type JWK } from "jose";
import { base64url, canonical, hashOf } from "../canonical.ts";
import { EvidenceError } from "../jws.ts";
import type { Context } from "./box.ts";

const ALG = "ECDH-ES+A256KW";
const ENC = "A256GCM";
const CURVES = ["OKP X25519", "EC P-256"];

/**
 * Seals to a public key: JWE compact (RFC 7516), ECDH-ES+A256KW with A256GCM, X25519 (P-256 accepted from vendors); the hash of
 * the context stands in the protected header as `ctx`.
 * @throws {EvidenceError} `malformed` if the key is of another curve, no point of it, or of so low an order that anyone could open
 */
export async function sealTo(publicKey: JWK, plaintext: Uint8Array, context: Context): Promise<string> {
  const { kty, crv, x, y } = publicKey;
  const ctx = await hashOf(canonical(context));
  try {
    if (!CURVES.includes(`${kty} ${crv}`)) throw new TypeError("curve");
    const key = await importJWK({ kty, crv, x, ...(y === undefined ? {} : { y }) } as JWK, ALG);
    return await new CompactEncrypt(plaintext).setProtectedHeader({ alg: ALG, enc: ENC, ctx }).encrypt(key);
  } catch (cause) {
    throw new EvidenceError("malformed", `no ${context[0]} can be sealed to this key`, { cause });
  }
}

/**
 * Opens what was sealed: exactly these algorithms, no compression, and the context compared before use.
 * @throws {EvidenceError} `malformed` not sealed to this key, or changed; `context` sealed for another place
 */
export async function openSealed(privateKey: JWK | CryptoKey, sealed: string, context: Context): Promise<Uint8Array> {
  let opened: Awaited<ReturnType<typeof compactDecrypt>>;
  try {
    // The header's text is authenticated, the other segments' spare bits are not.
    for (const segment of sealed.split(".")) base64url.decode(segment);
    const key = "kty" in privateKey ? await importJWK(privateKey as JWK, ALG) : privateKey;
    opened = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: [ALG],
      contentEncryptionAlgorithms: [ENC],
      maxDecompressedLength: 0,
    });
  } catch (cause) {
    throw new EvidenceError("malformed", `this ${context[0]} was not sealed to this key, or was changed`, { cause });
  }
  if (opened.protectedHeader.ctx !== (await hashOf(canonical(context))))
    throw new EvidenceError("context", `this ${context[0]} was sealed for another place`);
  return opened.plaintext;
}
