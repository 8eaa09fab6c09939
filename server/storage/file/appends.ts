import type { FeedName } from "../storage.ts";

// Lone surrogates have no bytes of their own, so that two names would be one file's.
const NAME = /^events\/[^\0\p{Cs}]{1,2048}$/u;

/** Entries as JSON that a change adds to feeds. */
export type Appends = Array<[feed: FeedName, json: string]>;

/** @throws {TypeError} if it is no feed's name */
export function assertFeedName(feed: FeedName): void {
  if (!NAME.test(feed)) throw new TypeError("a feed's name is events/ and 1 to 2048 characters");
}

/** @throws {TypeError} */
export function entryJson(entry: unknown): string {
  const json = JSON.stringify(entry) as string | undefined;
  if (json === undefined) throw new TypeError("an entry is JSON");
  return json;
}

/** A member of a journal's line. */
export function appendsText(appends: Appends): string {
  return `"appends":[${appends.map(([feed, json]) => `[${JSON.stringify(feed)},${json}]`).join()}]`;
}
