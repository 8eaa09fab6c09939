import { hash } from "node:crypto";
import { randomText } from "../digest.ts";
import type { FeedName, Storage } from "../storage/storage.ts";
import { type ChangeEntry, type ChangesDocument, changesDocumentOf, marksOf } from "./changes.ts";

/** What a compaction keeps. */
export interface Keeping {
  /** Milliseconds for which entries stay as they came: whoever reads more often than that reads no grant whole for its sake. */
  readonly age: number;
  /** At most so many of them stay as they came. */
  readonly most: number;
  /** Milliseconds for which the last entry of a grant that is over stays. */
  readonly ended: number;
  /** How many entries have to come before a feed is compacted again, at least. */
  readonly growth: number;
  /** Grants that are in memory at a time. */
  readonly grants: number;
}

const DAY = 86_400_000;
export const KEEPING: Keeping = { age: 7 * DAY, most: 1_000_000, ended: 400 * DAY, growth: 10_000, grants: 200_000 };

const PAGE = 5_000;
const AT_ONCE = 1_000;
const LEASE = 60_000;

type Feeds = Pick<Storage, "readFeed" | "removeFromFeed" | "getDocument" | "changeDocument" | "hold" | "release">;

/** Whether a feed has grown so much since its last compaction that another is worth its cost. */
export async function hasGrown(storage: Pick<Storage, "readFeed" | "getDocument">, feed: FeedName, { growth }: Keeping): Promise<boolean> {
  const { kept, last } = marksOf(await storage.getDocument<ChangesDocument>(changesDocumentOf(feed)));
  const [grown] = await storage.readFeed(feed, { after: last + Math.max(growth, Math.ceil(kept / 2)) - 1, limit: 1 });
  return grown !== undefined;
}

/** Whether a feed begins with something so old that it may have been a last word. */
export async function isAged(storage: Pick<Storage, "readFeed">, feed: FeedName, before: number): Promise<boolean> {
  const [first] = (await storage.readFeed(feed, { limit: 1 })) as Array<[number, ChangeEntry]>;
  return first !== undefined && first[1].at < before;
}

/**
 * Takes out of a feed what a later entry of the same grant has superseded, and the last words on grants that have been over for long.
 * First the document says so, then it is done: a reader that comes from before the mark can't trust `from` any more, and reads whole
 * what the superseding entries tell of; one from before the other mark begins anew. Being done twice, or half, does no harm. Answers how many are gone.
 */
export async function compact(storage: Feeds, feed: FeedName, now: number, keeping: Keeping = KEEPING): Promise<number> {
  const name = `compact/${feed}`;
  const holder = randomText(16);
  const isMine = (): Promise<boolean> => storage.hold(name, holder, LEASE);
  if (!(await isMine())) return 0;
  try {
    const { count, last, old } = await survey(storage, feed, now - keeping.age);
    const through = await oldest(storage, feed, { count, old, most: keeping.most });
    let gone = 0;
    // Nothing is old enough to go, nor so much that some has to: looking at all of it once more would find nothing.
    const isIdle = through === 0 && !(await isAged(storage, feed, now - keeping.ended));
    const parts = isIdle ? 0 : Math.max(1, Math.ceil(count / keeping.grants));
    for (let part = 0; part < parts; part++) {
      const isOf = (grant: string): boolean => parts === 1 || partOf(grant, parts) === part;
      const { gathered, compacted, superseding, dropped } = await gather(storage, feed, { through, isOf, before: now - keeping.ended });
      if (gathered.length === 0) continue;
      await mark(storage, feed, (marks) => ({
        ...marks,
        compacted: Math.max(marks.compacted, compacted),
        superseding: Math.max(marks.superseding, superseding),
        dropped: Math.max(marks.dropped, dropped),
      }));
      for (let at = 0; at < gathered.length; at += AT_ONCE) {
        if (!(await isMine())) return gone;
        const some = gathered.slice(at, at + AT_ONCE);
        await storage.removeFromFeed(feed, some);
        gone += some.length;
      }
    }
    await mark(storage, feed, (marks) => ({ ...marks, kept: count - gone, last: Math.max(marks.last, last) }));
    return gone;
  } finally {
    await storage.release(name, holder);
  }
}

const mark = (storage: Feeds, feed: FeedName, work: (marks: ChangesDocument) => ChangesDocument): Promise<unknown> =>
  storage.changeDocument<ChangesDocument>(changesDocumentOf(feed), (document) => work(marksOf(document)));

/** Ids of grants are made by customers' devices: their own letters may be chosen. */
const partOf = (grant: string, parts: number): number => hash("sha256", grant, "buffer").readUInt32BE() % parts;

async function* entriesOf(storage: Feeds, feed: FeedName): AsyncGenerator<[position: number, entry: ChangeEntry]> {
  for (let after = 0; ; ) {
    const page = (await storage.readFeed(feed, { after, limit: PAGE })) as Array<[number, ChangeEntry]>;
    yield* page;
    after = page.at(-1)?.[0] ?? after;
    if (page.length < PAGE) return;
  }
}

interface Survey {
  readonly count: number;
  /** Position of the last entry. */
  readonly last: number;
  /** Entries through this position are all older than what stays as it came. */
  readonly old: number;
}

async function survey(storage: Feeds, feed: FeedName, before: number): Promise<Survey> {
  let [count, last, old] = [0, 0, 0];
  let isOld = true;
  for await (const [position, entry] of entriesOf(storage, feed)) {
    count++;
    last = position;
    isOld &&= entry.at < before;
    if (isOld) old = position;
  }
  return { count, last, old };
}

/** Through which position entries may go: those that are old, and as many more as there are too many. */
async function oldest(storage: Feeds, feed: FeedName, { count, old, most }: { count: number; old: number; most: number }): Promise<number> {
  if (count <= most) return old;
  let left = count - most;
  for await (const [position] of entriesOf(storage, feed)) if (--left === 0) return Math.max(position, old);
  return old;
}

interface Wanted {
  readonly through: number;
  readonly isOf: (grant: string) => boolean;
  /** Last words from before this go, too. */
  readonly before: number;
}

interface Gathered {
  /** Positions that can go, ascending. */
  readonly gathered: number[];
  /** The last of them that a later entry has superseded, the last entry that has, and the last of them that was a last word. */
  readonly compacted: number;
  readonly superseding: number;
  readonly dropped: number;
}

/** Of some of the grants: one map of them at a time is what is in memory. */
async function gather(storage: Feeds, feed: FeedName, { through, isOf, before }: Wanted): Promise<Gathered> {
  const lasts = new Map<string, { position: number; isOver: boolean }>();
  const superseded: number[] = [];
  let superseding = 0;
  for await (const [position, { grant, at, ended, moved }] of entriesOf(storage, feed)) {
    if (!isOf(grant)) continue;
    const earlier = lasts.get(grant)?.position;
    if (earlier !== undefined && earlier <= through) {
      superseded.push(earlier);
      superseding = position;
    }
    lasts.set(grant, { position, isOver: (ended !== undefined || moved !== undefined) && at < before });
  }
  const over = [...lasts.values()].filter(({ position, isOver }) => isOver && position <= through).map(({ position }) => position);
  const max = (some: readonly number[]): number => some.reduce((most, each) => Math.max(most, each), 0);
  // Ascending: a last word goes after what came before it.
  return { gathered: [...superseded, ...over].sort((a, b) => a - b), compacted: max(superseded), superseding, dropped: max(over) };
}
