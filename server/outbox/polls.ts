import type { Log } from "../log.ts";
import type { FeedName, Storage } from "../storage/storage.ts";
import { Arrivals } from "./arrivals.ts";
import { type EventEntry, isWanted, laneOf, merged } from "./event-entry.ts";
import { feedOf, type Stream } from "./stream.ts";

/** What a poll asks for (RFC 8936, 2.2). */
export interface PollWish {
  readonly most: number;
  /** Milliseconds that the answer may wait for an event. */
  readonly patience: number;
  /** `jti` of those that were taken, and of those that were refused. */
  readonly taken: readonly string[];
  readonly refused: readonly string[];
}

export interface Polled {
  readonly entries: readonly EventEntry[];
  readonly more: boolean;
}

interface PollParts {
  readonly storage: Pick<Storage, "isShared" | "readFeed" | "removeFromFeed">;
  readonly log: Log;
  acknowledged(stream: Stream, entry: EventEntry): Promise<void>;
  seen(feed: FeedName, entry: EventEntry): void;
}

interface Run {
  entry: EventEntry;
  readonly positions: number[];
}

const NOTHING: Polled = { entries: [], more: false };
const PAGE = 500;
/** Entries that one poll looks at. */
const SCAN = 5_000;
const AT_ONCE = 16;
/** How often one that waits looks by itself, where another process may append: its notice may be lost. Milliseconds. */
const LOOK_EVERY = 5_000;

/** Delivers by poll: an event of a grant shows up when the one before it was acknowledged, since an answer has no order. */
export class Polls {
  readonly #parts: PollParts;
  readonly arrivals = new Arrivals<FeedName>();

  constructor(parts: PollParts) {
    this.#parts = parts;
  }

  /** `read`: the stream as it is by then. */
  async poll(stream: Stream, wish: PollWish, read: () => Promise<Stream | undefined>): Promise<Polled> {
    const feed = feedOf(stream.clientId);
    if (wish.taken.length + wish.refused.length > 0) await this.#settle(stream, feed, wish);
    const ends = performance.now() + wish.patience;
    for (let now: Stream | undefined = stream; ; now = await read()) {
      if (wish.most === 0 || now?.id !== stream.id || now.push !== null) return NOTHING;
      const arrival = this.arrivals.open(feed);
      try {
        const polled = now.status === "enabled" ? await this.#collect(now, feed, wish.most) : NOTHING;
        const left = ends - performance.now();
        if (polled.entries.length > 0 || left <= 0) return polled;
        const patience = this.#parts.storage.isShared ? Math.min(left, LOOK_EVERY) : left;
        const happened = await arrival.within(patience);
        if (happened === "over" || (happened === "late" && patience === left)) return polled;
      } finally {
        arrival.close();
      }
    }
  }

  async #collect(stream: Stream, feed: FeedName, most: number): Promise<Polled> {
    const lanes = new Map<string, EventEntry>();
    const closed = new Set<string>();
    const unwanted: number[] = [];
    let more = false;
    const isWhole = await this.#scan(feed, (position, entry) => {
      this.#parts.seen(feed, entry);
      if (!isWanted(stream, entry)) {
        unwanted.push(position);
        return true;
      }
      const lane = laneOf(entry);
      const head = lanes.get(lane);
      const both = head && !closed.has(lane) ? merged(head, entry) : undefined;
      if (both !== undefined) lanes.set(lane, both);
      else if (head !== undefined) {
        closed.add(lane);
        more = true;
      } else if (lanes.size < most) lanes.set(lane, entry);
      else {
        more = true;
        return false;
      }
      return true;
    });
    if (unwanted.length > 0) await this.#parts.storage.removeFromFeed(feed, unwanted);
    return { entries: [...lanes.values()], more: more || !isWhole };
  }

  /** What was taken or refused goes out of the feed, with what it stood for; the evidence first. */
  async #settle(stream: Stream, feed: FeedName, { taken, refused }: PollWish): Promise<void> {
    const { storage, log, acknowledged } = this.#parts;
    const named = new Set([...taken, ...refused]);
    const good = new Set(taken);
    const heads = new Map<string, Run>();
    const settled = new Map<string, Run>();
    await this.#scan(feed, (position, entry) => {
      const { jti } = entry.claims;
      const lane = laneOf(entry);
      const before = heads.get(lane);
      const both = before && merged(before.entry, entry);
      const run: Run = before && both ? { entry: both, positions: [...before.positions, position] } : { entry, positions: [position] };
      heads.set(lane, run);
      if (named.delete(jti)) settled.set(jti, run);
      return named.size > 0;
    });
    const runs = [...settled];
    const done: number[] = [];
    for (let at = 0; at < runs.length; at += AT_ONCE)
      await Promise.all(
        runs.slice(at, at + AT_ONCE).map(async ([jti, { entry, positions }]) => {
          try {
            if (good.has(jti)) await acknowledged(stream, entry);
            else log.stream(stream.clientId, "refused", "the receiver refused an event");
            log.events(good.has(jti) ? "delivered" : "refused", 1);
            done.push(...positions);
          } catch (error) {
            log.fault("outbox", error);
          }
        }),
      );
    if (done.length > 0) await storage.removeFromFeed(feed, [...new Set(done)]);
  }

  /** Answers whether it came to the feed's end. */
  async #scan(feed: FeedName, look: (position: number, entry: EventEntry) => boolean): Promise<boolean> {
    let after = 0;
    for (let seen = 0; seen < SCAN; seen += PAGE) {
      const page = (await this.#parts.storage.readFeed(feed, { after, limit: PAGE })) as Array<[number, EventEntry]>;
      for (const [position, entry] of page) {
        if (!look(position, entry)) return false;
        after = position;
      }
      if (page.length < PAGE) return true;
    }
    return false;
  }
}
