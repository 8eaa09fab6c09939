/** RFC 4648, 6. */
export const BASE32_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Bytes as groups of four base32 characters (RFC 4648, 6), for people to read and type. Whole groups only: a multiple of five bytes. */
export function base32Groups(bytes: Uint8Array): string[] {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const text = (bits.match(/.{5}/g) ?? []).map((five) => BASE32_ALPHABET[Number.parseInt(five, 2)]).join("");
  return text.match(/.{4}/g) ?? [];
}
