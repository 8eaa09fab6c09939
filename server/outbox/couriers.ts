import { setMaxListeners } from "node:events";
import { STREAM_UPDATED } from "#protocol/events.ts";
import type { FeedName } from "../storage/storage.ts";
import { Courier } from "./courier.ts";
import type { CourierParts } from "./courier-parts.ts";
import { streamEntry } from "./event-entry.ts";
import { Slots } from "./slots.ts";
import { documentOf, documentOfFeed, feedOf, type Stream } from "./stream.ts";
import type { Streams } from "./streams.ts";
import { Timetable } from "./timetable.ts";

/** Deliveries on their way at once, and apart from them those to receivers that fail. */
const LIVE = 128;
const FAILING = 32;
const PAGE = 1_000;
/** How long what is on its way may take when the server stops. */
const GRACE = 3_000;
const IDLE = 60_000;
const TROUBLE = 5_000;

type CouriersParts = Omit<CourierParts, "slots" | "signal" | "noteFailing" | "stop" | "due"> & {
  readonly streams: Streams;
  readonly issuer: string;
  /** Whether something new is to show up there. */
  isAnnounced(feed: FeedName): boolean;
  /** Empties a feed that nobody is to get. */
  drop(feed: FeedName): Promise<void>;
};

/** One courier for each stream that is pushed and has something to deliver. */
export class Couriers {
  readonly #parts: CouriersParts;
  readonly #couriers = new Map<FeedName, Courier>();
  readonly #opening = new Map<FeedName, Promise<void>>();
  readonly #ending = new Map<FeedName, Promise<void>>();
  readonly #slots = { live: new Slots(LIVE), failing: new Slots(FAILING) };
  readonly #stopping = new AbortController();
  readonly #timetable: Timetable;
  #isRunning = false;

  constructor(parts: CouriersParts) {
    this.#parts = parts;
    this.#timetable = new Timetable(parts.now, (feed) => this.kick(feed));
    // Every delivery on its way listens.
    setMaxListeners(0, this.#stopping.signal);
  }

  run(): AsyncDisposable {
    this.#isRunning = true;
    const tidying = setInterval(() => this.#endIdle(), IDLE).unref();
    const starting = this.#takeUp().catch((error: unknown) => this.#parts.log.fault("outbox", error));
    return {
      [Symbol.asyncDispose]: async () => {
        this.#isRunning = false;
        this.#timetable.stop();
        clearInterval(tidying);
        const grace = setTimeout(() => this.#stopping.abort(), GRACE);
        await starting;
        for (const feed of [...this.#couriers.keys()]) this.end(feed);
        await Promise.all(this.#ending.values());
        clearTimeout(grace);
      },
    };
  }

  /** Kicks those whose time has come. */
  check(): void {
    this.#timetable.check();
  }

  /** There may be something to deliver. */
  kick(feed: FeedName): void {
    this.#use(feed, (courier) => courier.kick(), false);
  }

  /** Tries now, however long it would wait. */
  probe(feed: FeedName): void {
    this.#use(feed, (courier) => courier.probe(), true);
  }

  /** Its vendor has changed it, and it still is to be pushed. */
  change(stream: Stream): void {
    this.#couriers.get(feedOf(stream.clientId))?.change(stream);
  }

  /** Takes nothing more to that receiver. */
  end(feed: FeedName): void {
    this.#timetable.delete(feed);
    const courier = this.#couriers.get(feed);
    if (courier === undefined) return;
    this.#couriers.delete(feed);
    const ending = courier
      .end()
      .catch((error: unknown) => this.#parts.log.fault("outbox", error))
      .finally(() => {
        if (this.#ending.get(feed) === ending) this.#ending.delete(feed);
      });
    this.#ending.set(feed, ending);
  }

  #use(feed: FeedName, use: (courier: Courier) => void, isUrgent: boolean): void {
    if (!this.#isRunning) return;
    const courier = this.#couriers.get(feed);
    const opening = this.#opening.get(feed);
    if (courier !== undefined) use(courier);
    else if (opening === undefined) void this.#open(feed, use, isUrgent);
    else if (isUrgent) void opening.then(() => this.#use(feed, use, isUrgent));
  }

  /** Whatever waited when the server stopped. */
  async #takeUp(): Promise<void> {
    let after: FeedName | undefined;
    for (;;) {
      const feeds = await this.#parts.storage.listFeeds({ ...(after === undefined ? {} : { after }), limit: PAGE });
      for (const feed of feeds) {
        if (!this.#isRunning) return;
        await (this.#opening.get(feed) ?? this.#open(feed, (courier) => courier.kick(), false));
      }
      after = feeds.at(-1);
      if (feeds.length < PAGE) return;
    }
  }

  #open(feed: FeedName, use: (courier: Courier) => void, isUrgent: boolean): Promise<void> {
    const { log, now } = this.#parts;
    const opening = this.#look(feed, use, isUrgent)
      .catch((error: unknown) => {
        log.fault("outbox", error);
        this.#timetable.add(feed, now() + TROUBLE);
      })
      .finally(() => this.#opening.delete(feed));
    this.#opening.set(feed, opening);
    return opening;
  }

  async #look(feed: FeedName, use: (courier: Courier) => void, isUrgent: boolean): Promise<void> {
    const { streams, now, drop, isAnnounced } = this.#parts;
    // What the one before has on its way must not be overtaken.
    await this.#ending.get(feed);
    await streams.alone(documentOfFeed(feed), async (stream) => {
      if (stream === undefined || stream.status === "disabled") await drop(feed);
      if (!this.#isRunning || stream?.status !== "enabled" || stream.push === null || this.#couriers.has(feed)) return;
      const next = stream.failing?.next ?? 0;
      // Nothing of one that fails is kept in memory before its time.
      if (next > now() && !isUrgent && !isAnnounced(feed)) {
        this.#timetable.add(feed, next);
        return;
      }
      const courier = this.#make(feed, stream);
      this.#couriers.set(feed, courier);
      use(courier);
    });
  }

  #make(feed: FeedName, stream: Stream): Courier {
    const { streams } = this.#parts;
    return new Courier(stream, {
      ...this.#parts,
      slots: this.#slots,
      signal: this.#stopping.signal,
      noteFailing: (failed, failing) =>
        streams.alone(documentOf(failed.clientId), async (now) => {
          if (isSame(now, failed)) await streams.put(now.clientId, { ...now, failing });
        }),
      stop: (stopped, why) => this.#stop(stopped, why),
      due: (at) => this.#timetable.add(feed, at),
    });
  }

  /** Gives a stream up until its vendor enables it. It is told so then, since it can't be now (SSF 1.0, 8.1.5). */
  async #stop(stream: Stream, why: string): Promise<void> {
    const { streams, storage, log, issuer, now: clock } = this.#parts;
    const { clientId } = stream;
    const feed = feedOf(clientId);
    const reason = `Events could not be delivered: ${why}.`;
    await streams.alone(documentOf(clientId), async (now) => {
      if (!isSame(now, stream)) return;
      const next: Stream = { ...now, status: "paused", reason, stopped: true, failing: null };
      await streams.put(clientId, next);
      this.end(feed);
      log.stream(clientId, "stopped", reason);
      await storage.append(feed, [streamEntry(issuer, next, STREAM_UPDATED, { status: next.status, reason }, clock())]);
    });
  }

  #endIdle(): void {
    const idle = performance.now() - IDLE;
    for (const [feed, { idleSince }] of this.#couriers) if (idleSince !== undefined && idleSince < idle) this.end(feed);
  }
}

/** Still the stream that it was, and still to be delivered to the same address. */
const isSame = (now: Stream | undefined, { id, push }: Stream): now is Stream =>
  now?.id === id && now.status === "enabled" && now.push?.url === push?.url && now.push?.authorization === push?.authorization;
