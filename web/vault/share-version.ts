import { RESTORED_STEP } from "#protocol/head.ts";

/*
 * To its vendor and to the server a share's version says that it is newer, and how often its record was written. To this app it says of
 * which version of its record the copy was made, under which consent of the grant, and whether it is a removal, which no one could tell
 * from a leaf. The consent's number is in it because versions never restart: what a narrower consent took back can be shared again by a
 * later one, though its record is the same. A digest and a contact card follow from more than one record: theirs count within the consent.
 */

/** Above the numbers that a grant's consents can have (LIMITS.consents), twice. */
const STEP = 512;
/** Versions that what follows from more than one record can have under one consent; fewer of them after a restore. */
const SPAN = 2 ** 32;
const NARROW_SPAN = 2 ** 20;

/**
 * Numbers of versions and consents begin anew above every one that was lost, wherever the server was put back to an earlier state: each
 * such time is an era, named by its minute, and has 2^20 numbers of each thing. Zero where that never happened.
 */
export const eraAt = (restored: string): number => Math.min(Math.max(1, Math.floor((Date.parse(restored) - FIRST) / 60_000)), LAST);
const FIRST = Date.UTC(2020, 0);
/** Up to it, every version is a whole number that is told apart. */
const LAST = 2 ** 24 - 2;

export const eraOf = (number: number): number => Math.floor(number / RESTORED_STEP);
/** A number of an earlier era as it goes on in this one. */
export const inEra = (number: number, era: number): number =>
  eraOf(number) < era ? era * RESTORED_STEP + (number % RESTORED_STEP) : number;
/** The version of a record after this one. A new record begins at one: nobody has seen it. */
export const afterVersion = (record: number, era: number): number => (record === 0 ? 1 : inEra(record, era) + 1);

/** @param n the consent's number */
export const copyVersion = (record: number, n: number): number => STEP * record + 2 * (n % RESTORED_STEP);
export const removalVersion = (record: number, n: number): number => copyVersion(record, n) + 1;
export const isRemoval = (version: number): boolean => version % 2 === 1;
/** The version of the record of which a copy was made. */
export const recordIn = (version: number): number => Math.floor(version / STEP);

/** The next version of what follows from more than one record. @param n the consent's number */
export function nextVersion(has: number | undefined, removal: boolean, n: number, era: number): number {
  const count = n % RESTORED_STEP;
  const least = era === 0 ? SPAN * count : SPAN * STEP + NARROW_SPAN * (STEP * era + count);
  const next = Math.max(has ?? 0, least) + 1;
  return isRemoval(next) === removal ? next : next + 1;
}
