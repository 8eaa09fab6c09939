import type { FeedName } from "./storage.ts";

const STORE_ID = /^[A-Za-z0-9_-]{22}$/;
const POINTER_NAME = /^[A-Za-z0-9_-]{1,86}$/;
// Lone surrogates have no bytes of their own, so that two names would be one file's.
const FEED_NAME = /^(?:events|changes)\/[^\0\p{Cs}]{1,2048}$/u;
const DOCUMENT_NAME = /^(?:(?:vendors|streams|changes)\/[^\0\p{Cs}]{1,2048}|keys|nonces|life|import|settings)$/u;

export const isStoreId = (id: string): boolean => STORE_ID.test(id);
export const isPointerName = (name: string): boolean => POINTER_NAME.test(name);

/** @throws {TypeError} if it could lead nowhere */
export function assertPointerName(name: string): void {
  if (!isPointerName(name)) throw new TypeError(`a pointer's name fits ${POINTER_NAME}`);
}

/** @throws {TypeError} if it is no feed's name */
export function assertFeedName(feed: FeedName): void {
  if (!FEED_NAME.test(feed)) throw new TypeError("a feed's name is events/ or changes/, and 1 to 2048 characters");
}

/** @throws {TypeError} if it is no document's name */
export function assertDocumentName(name: string): void {
  if (!DOCUMENT_NAME.test(name)) throw new TypeError("no such document");
}

/** @throws {TypeError} */
export function assertLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) throw new TypeError("limit: 1 to 100 000");
}

/** @throws {TypeError} */
export function assertPosition(after: number): void {
  if (!(Number.isSafeInteger(after) && after >= 0)) throw new TypeError("after: a position");
}

/** @throws {TypeError} */
export function assertDue(at: number | null): void {
  if (at !== null && !(Number.isSafeInteger(at) && at >= 0)) throw new TypeError("due: epoch milliseconds");
}

/** @throws {TypeError} if it is nothing that JSON can say. `what`: as "a row". */
export function jsonOf(value: unknown, what: string): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`${what} is JSON`);
  return json;
}
