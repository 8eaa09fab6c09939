/*
 * To its vendor and to the server a share's version says that it is newer, and how often its record was written. To this app it says of
 * which version of its record the copy was made, under which consent of the grant, and whether it is a removal, which no one could tell
 * from a leaf. The consent's number is in it because versions never restart: what a narrower consent took back can be shared again by a
 * later one, though its record is the same. A digest and a contact card follow from more than one record: theirs count within the consent.
 */

/** Above the numbers that a grant's consents can have (LIMITS.consents), twice. */
const STEP = 512;
/** Versions that what follows from more than one record can have under one consent. */
const SPAN = 2 ** 32;

/** @param n the consent's number */
export const copyVersion = (record: number, n: number): number => STEP * record + 2 * n;
export const removalVersion = (record: number, n: number): number => copyVersion(record, n) + 1;
export const isRemoval = (version: number): boolean => version % 2 === 1;
/** The version of the record of which a copy was made. */
export const recordIn = (version: number): number => Math.floor(version / STEP);

/** The next version of what follows from more than one record. @param n the consent's number */
export function nextVersion(has: number | undefined, removal: boolean, n: number): number {
  const next = Math.max(has ?? 0, SPAN * n) + 1;
  return isRemoval(next) === removal ? next : next + 1;
}
