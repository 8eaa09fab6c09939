import { EvidenceError } from "../jws.ts";

const LEAST = 256;

/**
 * Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019, 4): leaks
 * O(log log n) bits of the length, at most 12 % larger; at least 256 bytes.
 */
export function paddedLength(length: number): number {
  if (length <= LEAST) return LEAST;
  const exponent = log2(length);
  const bits = exponent - (log2(exponent) + 1);
  const unit = 2 ** bits;
  return Math.ceil(length / unit) * unit;
}

// Whole and exact in every engine, as Math.log2 needn't be.
const log2 = (length: number): number => 31 - Math.clz32(length);

/** The bytes, then 0x80, then zeros (ISO/IEC 7816-4) up to the padded length. */
export function pad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedLength(bytes.length + 1));
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

/** @throws {EvidenceError} `malformed` */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (end < 0 || padded[end] !== 0x80 || paddedLength(end + 1) !== padded.length)
    throw new EvidenceError("malformed", "the padding is wrong");
  return padded.slice(0, end);
}
