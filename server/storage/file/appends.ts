import type { FeedName } from "../storage.ts";

/** Entries as JSON that a change adds to feeds. */
export type Appends = Array<[feed: FeedName, json: string]>;

/** A member of a journal's line. */
export function appendsText(appends: Appends): string {
  return `"appends":[${appends.map(([feed, json]) => `[${JSON.stringify(feed)},${json}]`).join()}]`;
}
