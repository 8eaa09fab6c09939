import { concat, sha256 } from "../canonical.ts";
import { randomBytes } from "./derive.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A new kit secret: 128 bits. */
export const makeKitSecret = (): Uint8Array => randomBytes(16);

/** 128 bits and 32 of checksum (SHA-256) as eight groups of four base32 characters (RFC 4648, 6). */
export async function kitCode(secret: Uint8Array): Promise<string[]> {
  const bytes = concat(secret, (await sha256(secret)).slice(0, 4));
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const text = (bits.match(/.{5}/g) as string[]).map((five) => ALPHABET[Number.parseInt(five, 2)]).join("");
  return text.match(/.{4}/g) as string[];
}

/** The secret of a typed code: spaces, dashes and case don't matter; 0, 1 and 8 are read as O, I and B. Undefined if the checksum is wrong. */
export async function readKitCode(typed: string): Promise<Uint8Array | undefined> {
  const text = typed
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .replaceAll("0", "O")
    .replaceAll("1", "I")
    .replaceAll("8", "B");
  if (!/^[A-Z2-7]{32}$/.test(text)) return undefined;
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Uint8Array.from(bits.match(/.{8}/g) as string[], (eight) => Number.parseInt(eight, 2));
  const secret = bytes.slice(0, 16);
  const sum = (await sha256(secret)).slice(0, 4);
  return sum.every((byte, at) => byte === bytes[16 + at]) ? secret : undefined;
}
