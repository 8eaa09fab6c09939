import { utf8 } from "../canonical.ts";

/** HKDF-SHA256 (RFC 5869). `length`: bytes. */
export async function hkdf(secret: Uint8Array, salt: Uint8Array, info: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret as Uint8Array<ArrayBuffer>, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(
    await crypto.subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: salt as Uint8Array<ArrayBuffer>, info: utf8(info) },
      key,
      length * 8,
    ),
  );
}

/** RFC 5869, 3.1: where the secret is uniformly random, HKDF needs none. */
export const NO_SALT = new Uint8Array(0);
/** Bytes of the platform's cryptographic generator. */
export const randomBytes = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));
