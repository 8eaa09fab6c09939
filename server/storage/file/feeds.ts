import { createHash } from "node:crypto";
import { assertFeedName, assertLimit } from "../shapes.ts";
import type { FeedKind, FeedName } from "../storage.ts";
import type { Appends } from "./appends.ts";
import type { FeedChange, FeedLine } from "./change.ts";
import { type Damages, isCorrupt } from "./damages.ts";
import type { DataFolder } from "./data-folder.ts";
import { Feed } from "./feed.ts";
import { FeedLate } from "./feed-late.ts";
import { FeedNames } from "./feed-names.ts";
import { FeedPages, namesWithPages } from "./feed-pages.ts";
import { FeedWatchers } from "./feed-watchers.ts";
import { Entry } from "./table.ts";

const AT_ONCE = 8;
const KEPT = 64;

/** What the journal says about feeds at start. */
export type FoundFeedLine = readonly [sequence: number, line: Pick<FeedLine, "appends" | "removed">, size: number];

export interface FeedLimits {
  /** Positions of a page. */
  feedPage: number;
}

/** Ordered queues outside every store: projections of the journal, which keeps their lines until they are files. */
export class Feeds {
  readonly #folder: DataFolder;
  readonly #damages: Damages;
  readonly #limits: FeedLimits;
  readonly #lastLine: () => number;
  readonly #feeds = new Map<FeedName, Feed>();
  readonly #names: FeedNames;
  readonly #watchers = new FeedWatchers();
  #pendingSize = 0;
  #writing: Promise<void> = Promise.resolve();
  /** The last line that took something out: those before it may hold what was taken. */
  #voidThrough = 0;

  constructor(
    { folder, damages, feedLines }: { folder: DataFolder; damages: Damages; feedLines: readonly FoundFeedLine[] },
    limits: FeedLimits,
    lastLine: () => number,
  ) {
    this.#folder = folder;
    this.#damages = damages;
    this.#limits = limits;
    this.#lastLine = lastLine;
    this.#names = new FeedNames(async () => {
      const open = [...this.#feeds.keys()];
      return [...(await namesWithPages(folder)), ...open];
    });
    for (const [sequence, { appends = [], removed }, size] of feedLines) {
      for (const [feed, entries] of byFeed(appends, (entry) => Entry.found(entry, Math.ceil(size / appends.length))))
        this.#apply(feed, sequence, { appended: entries }, true);
      if (removed !== undefined) this.removed(sequence, removed[0], removed[1], true);
    }
  }

  /** Estimated bytes that only the journal has. */
  get pendingSize(): number {
    return this.#pendingSize;
  }

  /** The first line that has to stay in the journal. */
  get pinned(): number | undefined {
    let pinned: number | undefined;
    for (const feed of this.#feeds.values())
      if (feed.pinned !== undefined && (pinned === undefined || feed.pinned < pinned)) pinned = feed.pinned;
    return pinned;
  }

  /** A line that should not stay in the journal, nor any before it; 0 if there is none. */
  get voidThrough(): number {
    return this.#voidThrough;
  }

  /** A durable line. */
  appended(sequence: number, appends: Appends): void {
    for (const [feed, entries] of byFeed(appends, Entry.written)) {
      this.#apply(feed, sequence, { appended: entries });
      this.#watchers.appended(feed);
    }
  }

  /** See `Storage.watchFeeds`. */
  watch(look: (feed: FeedName) => void): () => void {
    return this.#watchers.add(look);
  }

  /** A durable line. */
  removed(sequence: number, feed: FeedName, positions: readonly number[], isFound = false): void {
    this.#apply(feed, sequence, { removed: positions }, isFound);
    this.#voidThrough = sequence;
  }

  read(feed: FeedName, range: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>> {
    const { after = 0, limit } = range;
    assertLimit(limit);
    if (!(Number.isSafeInteger(after) && after >= 0)) throw new TypeError("after: a position");
    return this.#use(feed, (open) => open.read(after, limit));
  }

  /** Of these, those that may be there. */
  mayHave(feed: FeedName, positions: readonly number[]): Promise<number[]> {
    return this.#use(feed, (open) => open.mayHave(positions));
  }

  async list(kind: FeedKind, range: { after?: FeedName; limit: number }): Promise<FeedName[]> {
    assertLimit(range.limit);
    return this.#names.list(kind, range.after ?? "", range.limit, (name) =>
      this.#use(name, (feed) => feed.hasEntries()).catch(unlessCorrupt),
    );
  }

  /** Makes files of all that is pending. */
  async write(): Promise<void> {
    const writing = this.#writing.then(async () => {
      const all = [...this.#feeds].filter(([, feed]) => feed.pinned !== undefined);
      const failures: unknown[] = [];
      for (let at = 0; at < all.length; at += AT_ONCE) {
        const some = await Promise.allSettled(all.slice(at, at + AT_ONCE).map(([name]) => this.#use(name, (feed) => feed.write())));
        for (const one of some) {
          if (one.status === "fulfilled") this.#pendingSize -= one.value;
          else failures.push(one.reason);
        }
      }
      if (failures.length > 0) throw failures[0];
    });
    this.#writing = writing.catch(() => {});
    await writing;
  }

  #apply(name: FeedName, sequence: number, change: FeedChange, isFound = false): void {
    this.#pendingSize += this.#feed(name, isFound).apply(sequence, change);
    if ("appended" in change) this.#names.add(name);
  }

  #feed(name: FeedName, isFound = false): Feed {
    let feed = this.#feeds.get(name);
    if (feed === undefined) {
      const hash = createHash("sha256").update(name).digest("hex");
      const place = this.#folder.path("feeds", hash.slice(0, 2), hash);
      const files = { pages: new FeedPages(this.#folder, name, place), late: new FeedLate(this.#folder, name, place) };
      feed = new Feed(files, this.#limits.feedPage, this.#lastLine, isFound);
    } else this.#feeds.delete(name);
    this.#feeds.set(name, feed);
    return feed;
  }

  async #use<Result>(name: FeedName, work: (feed: Feed) => Promise<Result>): Promise<Result> {
    assertFeedName(name);
    const feed = this.#feed(name);
    feed.users++;
    try {
      return await this.#damages.watch("feed", name, () => work(feed));
    } finally {
      feed.users--;
      for (const [other, { users, pinned }] of this.#feeds) {
        if (this.#feeds.size <= KEPT) break;
        if (users === 0 && pinned === undefined) this.#feeds.delete(other);
      }
    }
  }
}

/** That one is not to be passed over in silence: who reads it is told. */
function unlessCorrupt(error: unknown): true {
  if (isCorrupt(error)) return true;
  throw error;
}

function byFeed<Said>(appends: ReadonlyArray<[FeedName, Said]>, entryOf: (said: Said) => Entry): Map<FeedName, Entry[]> {
  const all = new Map<FeedName, Entry[]>();
  for (const [feed, said] of appends) {
    const entries = all.get(feed);
    if (entries === undefined) all.set(feed, [entryOf(said)]);
    else entries.push(entryOf(said));
  }
  return all;
}
