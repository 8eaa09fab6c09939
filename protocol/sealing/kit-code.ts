import { BASE32_ALPHABET, base32Groups } from "../base32.ts";
import { concat, sha256 } from "../canonical.ts";
import { randomBytes } from "./derive.ts";

/** A new kit secret: 128 bits. */
export const makeKitSecret = (): Uint8Array => randomBytes(16);

/** 128 bits and 32 of checksum (SHA-256) as eight groups of four base32 characters (RFC 4648, 6). */
export async function kitCode(secret: Uint8Array): Promise<string[]> {
  return base32Groups(concat(secret, (await sha256(secret)).slice(0, 4)));
}

/** What is typed of a code, as it is printed: spaces, dashes and case don't matter; 0, 1 and 8 are read as O, I and B. */
export const kitLetters = (typed: string): string =>
  typed
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .replaceAll("0", "O")
    .replaceAll("1", "I")
    .replaceAll("8", "B");

/** The secret of a typed code, 16 bytes; undefined if it is not a whole code or its checksum is wrong. */
export async function readKitCode(typed: string): Promise<Uint8Array | undefined> {
  const text = kitLetters(typed);
  if (!/^[A-Z2-7]{32}$/.test(text)) return undefined;
  const bits = [...text].map((letter) => BASE32_ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = Uint8Array.from(bits.match(/.{8}/g) as string[], (eight) => Number.parseInt(eight, 2));
  const secret = bytes.slice(0, 16);
  const sum = (await sha256(secret)).slice(0, 4);
  return sum.every((byte, at) => byte === bytes[16 + at]) ? secret : undefined;
}
