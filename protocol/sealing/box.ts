import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { base64url, canonical, concat, utf8 } from "../canonical.ts";
import { EvidenceError } from "../jws.ts";
import { hkdf } from "./derive.ts";
import { pad, unpad } from "./padding.ts";

/** A domain label, then every identifier that the value depends on. */
export type Context = readonly [label: string, ...identifiers: ReadonlyArray<string | number>];

const NONCE = 24;
const COMMITMENT = 32;

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random 24-byte nonce, the canonical context as associated data and a key
 * commitment: HKDF-SHA256(key, salt = nonce) gives 32 bytes of cipher key and 32 of commitment. The plaintext is padded.
 * @param key 32 bytes
 * @returns base64url of nonce (24) | commitment (32) | ciphertext | tag (16)
 */
export async function box(
  key: Uint8Array,
  plaintext: Uint8Array,
  context: Context,
  randomness = crypto.getRandomValues(new Uint8Array(NONCE)),
): Promise<string> {
  const keys = await derive(key, randomness);
  const sealed = xchacha20poly1305(keys.cipher, randomness, utf8(canonical(context))).encrypt(pad(plaintext));
  return base64url.encode(concat(randomness, keys.commitment, sealed));
}

/**
 * Opens a box. The commitment is checked first, so that no box opens under two keys.
 * @throws {EvidenceError} `malformed` too short; `commitment` another key; `context` another context, or changed bytes
 */
export async function openBox(key: Uint8Array, boxed: string, context: Context): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = base64url.decode(boxed);
  } catch (cause) {
    throw new EvidenceError("malformed", "a box is base64url", { cause });
  }
  if (bytes.length < NONCE + COMMITMENT + 16) throw new EvidenceError("malformed", "a box is base64url of at least 72 bytes");
  const nonce = bytes.slice(0, NONCE);
  const keys = await derive(key, nonce);
  if (!equal(keys.commitment, bytes.subarray(NONCE, NONCE + COMMITMENT)))
    throw new EvidenceError("commitment", `this ${context[0]} box was not made with this key`);
  try {
    return unpad(xchacha20poly1305(keys.cipher, nonce, utf8(canonical(context))).decrypt(bytes.subarray(NONCE + COMMITMENT)));
  } catch (cause) {
    throw new EvidenceError("context", `this ${context[0]} box was changed, or is of another place`, { cause });
  }
}

async function derive(key: Uint8Array, nonce: Uint8Array): Promise<{ cipher: Uint8Array; commitment: Uint8Array }> {
  const bytes = await hkdf(key, nonce, "counterfoil/box/v1", 64);
  return { cipher: bytes.slice(0, 32), commitment: bytes.slice(32) };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= (a[at] as number) ^ (b[at] ?? 0);
  return difference === 0;
}
