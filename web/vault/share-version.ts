/*
 * To its vendor and to the server a share's version says only that it is newer. To this app it says which version of its record the copy
 * was made of, and whether it is a removal, which no one could tell from a leaf: twice the record's version, and one more for a removal.
 * A digest and a contact card follow from more than one record: theirs count within the grant.
 */

export const copyVersion = (record: number): number => 2 * record;
export const removalVersion = (record: number): number => 2 * record + 1;
export const isRemoval = (version: number): boolean => version % 2 === 1;

/** The next version of what follows from more than one record. */
export function nextVersion(has: number | undefined, removal: boolean): number {
  const next = (has ?? 1) + 1;
  return isRemoval(next) === removal ? next : next + 1;
}
