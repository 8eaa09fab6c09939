import canonicalize from "canonicalize";
import { base64url as lenient } from "jose";

// JSON.stringify escapes a surrogate only where it stands alone.
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/**
 * The JSON Canonicalization Scheme's text of a JSON value (RFC 8785).
 * @throws {TypeError} if it has no JSON form: not a number, a cycle, too deep, or a lone surrogate (3.2.2.2)
 */
export function canonical(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new TypeError("value has no canonical JSON form", { cause });
  }
  if (text === undefined || LONE_SURROGATE.test(text)) throw new TypeError("value has no canonical JSON form");
  return text;
}

const encoder = /* @__PURE__ */ new TextEncoder();
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A text's UTF-8. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
/** @throws {TypeError} on bytes that aren't UTF-8 */
export const fromUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes);

/** SHA-256 (FIPS 180-4) of bytes, or of a text's UTF-8: 32 bytes. */
export async function sha256(data: Uint8Array | string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = typeof data === "string" ? utf8(data) : (data as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** SHA-256 as 43 base64url characters: how every hash is written on the wire. */
export const hashOf = async (data: Uint8Array | string): Promise<string> => lenient.encode(await sha256(data));

/** The hash of a JSON value's canonical text. */
export const hashOfJson = (value: unknown): Promise<string> => hashOf(canonical(value));

/** All parts as one array of bytes. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Base64url without padding (RFC 4648, 5). Only the one text that encodes the bytes is decoded: spare bits, whitespace or padding
 * would give one signed or sealed thing many names. `decode` throws {TypeError}.
 */
export const base64url = {
  encode: (data: Uint8Array | string): string => lenient.encode(data),
  decode(text: string): Uint8Array<ArrayBuffer> {
    const bytes = lenient.decode(text) as Uint8Array<ArrayBuffer>;
    if (lenient.encode(bytes) !== text) throw new TypeError("not the base64url of these bytes");
    return bytes;
  },
};
