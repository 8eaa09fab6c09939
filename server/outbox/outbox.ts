import { type EventName, VERIFICATION } from "#protocol/events.ts";
import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import type { Signer } from "../signed-jws.ts";
import type { FeedName, Storage, StoreWriter } from "../storage/storage.ts";
import type { Told } from "../store/tell.ts";
import { noteTold } from "../store/told.ts";
import type { Resolve } from "../vendors/checked-address.ts";
import { Announced } from "./announced.ts";
import { Couriers } from "./couriers.ts";
import { type EventEntry, entryOf, eventOf, isAboutDeletion, signedToken, streamEntry, typeOf } from "./event-entry.ts";
import { Polls, type PollWish } from "./polls.ts";
import { documentOf, documentOfFeed, feedOf, isDelivered, isPushed, type Stream } from "./stream.ts";
import { Streams } from "./streams.ts";

export interface OutboxParts {
  readonly storage: Storage<Rows>;
  readonly key: Signer;
  readonly issuer: string;
  /** Whether a stream may end at this machine over http: only where the issuer itself is on it. */
  readonly loopback: boolean;
  readonly now: () => number;
  readonly log: Log;
  readonly random?: () => number;
  readonly resolve?: Resolve;
  /** Milliseconds that a receiver may take. */
  readonly timeout?: number;
  /** How many events may wait for one vendor. */
  readonly most?: number;
  /** How long another process waits before it goes on with what one does that says nothing any more (milliseconds). */
  readonly lease?: number;
}

/** Whether a vendor hears of changes: see `GrantView.stream`. */
export type StreamHealth = "none" | "live" | "failing" | "stopped";

/** How many events may wait for one vendor; above it the stream is disabled and they are dropped. */
const MOST = 200_000;
/** After how many told to a stream its feed is counted. */
const COUNT_EVERY = 500;
const PAGE = 1_000;
/** From when on a vendor that polls and leaves events lying is one that doesn't hear. */
const UNPOLLED = 86_400_000;

/** What vendors have to be told: kept in one feed for each vendor, delivered by push or fetched by poll, in order for each grant. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #streams: Streams;
  readonly #polls: Polls;
  readonly #couriers: Couriers;
  readonly #announced = { push: new Announced(), poll: new Announced() };
  /** Events told since their feed was counted. */
  readonly #uncounted = new Map<FeedName, number>();
  readonly #toCount = new Set<FeedName>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#streams = new Streams(parts.storage);
    const handing = { acknowledged: this.#acknowledged, seen: this.#seen };
    this.#polls = new Polls({ ...parts, ...handing });
    this.#couriers = new Couriers({
      random: Math.random,
      ...parts,
      ...handing,
      streams: this.#streams,
      isAnnounced: (feed) => this.#announced.push.has(feed),
      forget: (feed) => this.#announced.push.forget(feed),
      drop: (feed) => this.#drop(feed),
    });
  }

  /** Adds an event to its vendor's feed together with the change that it tells of; nothing where the vendor has no stream that asked for it. */
  async tell<N extends EventName>(store: Pick<StoreWriter<Rows>, "append">, told: Told<N>): Promise<void> {
    const { clientId, event } = told;
    const stream = await this.#streams.of(clientId);
    if (stream === undefined || stream.status === "disabled" || !isDelivered(stream, typeOf(event))) return;
    const entry = entryOf(this.#parts.issuer, stream, told, this.#parts.now());
    const feed = feedOf(clientId);
    store.append(feed, entry);
    if (stream.status === "enabled") this.#announced[stream.push === null ? "poll" : "push"].add(feed, entry.claims.jti);
    const count = (this.#uncounted.get(feed) ?? COUNT_EVERY) + 1;
    this.#uncounted.set(feed, count);
    if (count > COUNT_EVERY) this.#toCount.add(feed);
  }

  /** After a change is durable: what it had to tell goes out now. Cheap where there is nothing. */
  wake(): void {
    for (const feed of this.#announced.poll.feeds()) this.#polls.arrivals.wake(feed);
    for (const feed of this.#announced.push.feeds()) this.#couriers.kick(feed);
    this.#couriers.check();
    for (const feed of this.#toCount) void this.#count(feed);
    this.#toCount.clear();
  }

  async health(clientId: string): Promise<StreamHealth> {
    const stream = await this.#streams.of(clientId);
    if (stream === undefined) return "none";
    if (stream.stopped) return "stopped";
    if (stream.status === "disabled") return "none";
    if (stream.status === "paused" || (stream.failing?.tries ?? 0) > 1) return "failing";
    if (stream.push !== null) return "live";
    const [first] = (await this.#parts.storage.readFeed(feedOf(clientId), { limit: 1 })) as Array<[number, EventEntry]>;
    return first !== undefined && first[1].claims.iat * 1000 < this.#parts.now() - UNPOLLED ? "failing" : "live";
  }

  /** Delivers until disposed of; disposing waits for what is on its way, a few seconds at most. */
  run(): AsyncDisposable {
    const { storage } = this.#parts;
    const delivering = this.#couriers.run();
    // Its own appends a process knows of without being told.
    const unwatch = storage.isShared ? storage.watchFeeds((feed) => this.#hear(feed)) : () => {};
    return {
      [Symbol.asyncDispose]: async () => {
        unwatch();
        this.#polls.arrivals.stop();
        await delivering[Symbol.asyncDispose]();
      },
    };
  }

  stream(clientId: string): Promise<Stream | undefined> {
    return this.#streams.of(clientId);
  }

  /**
   * Changes a vendor's stream, or makes or deletes it (null), and lets what waits go its way. If `work` throws, nothing changes; it may be
   * called again.
   */
  async changeStream<Next extends Stream | null>(clientId: string, work: (stream: Stream | undefined) => Next): Promise<Next> {
    const feed = feedOf(clientId);
    const stream = await this.#streams.alone(documentOf(clientId), async () => {
      const next = await this.#streams.change(clientId, work);
      if (next !== null && isPushed(next)) this.#couriers.change(next);
      else this.#couriers.end(feed);
      if (next === null || next.status === "disabled") await this.#drop(feed);
      return next;
    });
    this.#polls.arrivals.wake(feed);
    this.#couriers.kick(feed);
    return stream;
  }

  /** Sends an event of the stream's own (SSF 1.0, 8.1.4), and tries at once where it would wait. */
  async verify(stream: Stream, state: string | undefined): Promise<void> {
    const { storage, issuer, now } = this.#parts;
    const feed = feedOf(stream.clientId);
    await storage.append(feed, [streamEntry(issuer, stream, VERIFICATION, state === undefined ? {} : { state }, now())]);
    this.#polls.arrivals.wake(feed);
    this.#couriers.probe(feed);
  }

  /** Tokens by `jti`. */
  async poll(stream: Stream, wish: PollWish): Promise<{ sets: Record<string, string>; more: boolean }> {
    const { entries, more } = await this.#polls.poll(stream, wish, () => this.#streams.of(stream.clientId));
    const sets = Object.fromEntries(entries.map((entry) => [entry.claims.jti, signedToken(this.#parts.key, entry)]));
    return { sets, more };
  }

  readonly #seen = (feed: FeedName, { claims }: EventEntry): void => {
    this.#announced.push.seen(feed, claims.jti);
    this.#announced.poll.seen(feed, claims.jti);
  };

  readonly #acknowledged = async (_stream: Stream, entry: EventEntry): Promise<void> => {
    const { sub_id: subject } = entry.claims;
    if (subject.format !== "complex" || !isAboutDeletion(entry)) return;
    const [, { event_timestamp: of }] = eventOf(entry);
    await noteTold(this.#parts.storage, { grant: subject.grant.id, of: Number(of), at: this.#parts.now() });
  };

  /** Some process has appended something. */
  #hear(feed: FeedName): void {
    if (!feed.startsWith("events/")) return;
    this.#polls.arrivals.wake(feed);
    this.#couriers.hear(feed);
  }

  /** Takes out what is not for the stream as it is now. */
  async #drop(feed: FeedName): Promise<void> {
    const { storage } = this.#parts;
    this.#uncounted.delete(feed);
    this.#announced.push.forget(feed);
    this.#announced.poll.forget(feed);
    let after = 0;
    for (;;) {
      const page = (await storage.readFeed(feed, { after, limit: PAGE })) as Array<[number, EventEntry]>;
      if (page.length === 0) return;
      // Read afterwards: what was told to a stream that is enabled again stays.
      const stream = await this.#streams.read(documentOfFeed(feed));
      const isOver = stream === undefined || stream.status === "disabled";
      await storage.removeFromFeed(
        feed,
        page.filter(([, entry]) => isOver || entry.stream !== stream.id).map(([position]) => position),
      );
      after = page.at(-1)?.[0] ?? after;
    }
  }

  /** Ends a stream for which more waits than may. */
  async #count(feed: FeedName): Promise<void> {
    const { storage, log, most = MOST } = this.#parts;
    this.#uncounted.set(feed, 0);
    try {
      let count = 0;
      for (let after = 0; count <= most; ) {
        const page = await storage.readFeed(feed, { after, limit: PAGE });
        count += page.length;
        after = page.at(-1)?.[0] ?? after;
        if (page.length < PAGE) break;
      }
      if (count <= most) return;
      const stream = await this.#streams.read(documentOfFeed(feed));
      if (stream === undefined) return;
      const reason = `More than ${most} events waited and were dropped. Enable the stream, then read all grants anew.`;
      let isNew = false;
      await this.changeStream(stream.clientId, (now): Stream | null => {
        // It may have been deleted meanwhile, or another count was first.
        isNew = now !== undefined && now.status !== "disabled";
        return now === undefined ? null : isNew ? { ...now, status: "disabled", reason, stopped: true, failing: null } : now;
      });
      if (isNew) log.stream(stream.clientId, "dropped", reason);
    } catch (error) {
      log.fault("outbox", error);
    }
  }
}
