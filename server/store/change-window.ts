import type { FeedName, Storage } from "../storage/storage.ts";
import { type ChangeEntry, type ChangesDocument, changesDocumentOf, type Ended, type Moved, marksOf } from "./changes.ts";

/** Entries of a feed that are looked at together: each of their grants is read once. */
export const WINDOW = 10_000;

/**
 * Where a bulk reader stands in its feed: it knows of every entry through `after`. Where `within` is there, also of the grants that have
 * their first entry in the window from `after` through `through` at or before `done`: all their entries in it.
 */
export interface Standpoint {
  readonly after: number;
  readonly within: { readonly through: number; readonly done: number } | undefined;
  /** Entries through this position don't tell of all that it has missed: their grants are read whole. */
  readonly whole: number;
}

export const BEGINNING: Standpoint = { after: 0, within: undefined, whole: 0 };

/** A grant that has changed. */
export interface Changed {
  readonly grant: string;
  /** Position in the feed of its first entry in the window. */
  readonly first: number;
  /** What changed behind this position of the grant is to be read; 0: all of it. */
  from: number;
  /** As in its last entry. */
  to: number;
  ended: Ended | undefined;
  moved: Moved | undefined;
}

export interface ChangeWindow {
  /** Those that the reader doesn't know of, in the order of their first entries. */
  readonly grants: readonly Changed[];
  readonly through: number;
  /** As in the standpoint from which it is looked at, with what a compaction has changed since. */
  readonly whole: number;
  /** Whether entries may lie behind it. */
  readonly isFull: boolean;
  readonly marks: ChangesDocument;
}

/** What lies before a reader. Costs what the window holds. */
export async function nextWindow(
  storage: Pick<Storage, "readFeed" | "getDocument">,
  feed: FeedName,
  { after, within, whole: before }: Standpoint,
  limit = WINDOW,
): Promise<ChangeWindow> {
  const entries = (await storage.readFeed(feed, { after, limit })) as Array<[number, ChangeEntry]>;
  // After the entries: what a compaction took out of these, its mark has said before.
  const marks = marksOf(await storage.getDocument<ChangesDocument>(changesDocumentOf(feed)));
  const last = entries.at(-1)?.[0];
  const isFull = entries.length === limit;
  const through = within === undefined ? (last ?? after) : isFull ? Math.min(within.through, last ?? after) : within.through;
  const whole = wholeThrough(after, before, marks);
  const grants = new Map<string, Changed>();
  for (const [position, { grant, from, to, ended, moved }] of entries) {
    if (position > through) break;
    const known = grants.get(grant);
    const since = position <= whole ? 0 : from;
    if (known === undefined) grants.set(grant, { grant, first: position, from: since, to, ended, moved });
    else Object.assign(known, { from: Math.min(known.from, since), to, ended, moved });
  }
  const done = within?.done ?? 0;
  return {
    grants: [...grants.values()].filter(({ first }) => first > done),
    through,
    whole,
    isFull: isFull || (last ?? 0) > through,
    marks,
  };
}

/** What was taken out of the feed on the reader's way, an entry that may lie far behind has superseded. */
const wholeThrough = (after: number, before: number, { compacted, superseding }: ChangesDocument): number =>
  after < compacted ? Math.max(before, superseding) : before;

/** Through which position behind where the reader stands all entries are of changes that `isKnown`, and whether others follow. */
export async function knownThrough(
  storage: Pick<Storage, "readFeed" | "getDocument">,
  feed: FeedName,
  { after, whole }: Standpoint,
  isKnown: (entry: ChangeEntry) => boolean,
): Promise<{ at: Standpoint; more: boolean }> {
  const entries = (await storage.readFeed(feed, { after, limit: WINDOW })) as Array<[number, ChangeEntry]>;
  const marks = marksOf(await storage.getDocument<ChangesDocument>(changesDocumentOf(feed)));
  const unknown = entries.findIndex(([, entry]) => !isKnown(entry));
  const through = entries[unknown < 0 ? entries.length - 1 : unknown - 1]?.[0] ?? after;
  return {
    at: { after: through, within: undefined, whole: wholeThrough(after, whole, marks) },
    more: unknown >= 0 || entries.length === WINDOW,
  };
}

/** Windows that are searched for one grant: whoever is further behind comes to its last word by itself. */
const SEARCHED = 10;

/** What the feed says behind this position of a grant that is over, or somewhere else: its last word, where that is near. */
export async function lastWord(
  storage: Pick<Storage, "readFeed">,
  feed: FeedName,
  { grant, first }: Pick<Changed, "grant" | "first">,
): Promise<ChangeEntry | undefined> {
  let word: ChangeEntry | undefined;
  for (let [after, windows] = [first, 0]; windows < SEARCHED; windows++) {
    const entries = (await storage.readFeed(feed, { after, limit: WINDOW })) as Array<[number, ChangeEntry]>;
    for (const [, entry] of entries) if (entry.grant === grant) word = entry;
    after = entries.at(-1)?.[0] ?? after;
    if (entries.length < WINDOW) break;
  }
  return word;
}
