import { setMaxListeners } from "node:events";
import { STREAM_UPDATED } from "#protocol/events.ts";
import { Bounded } from "../guards/bounded.ts";
import { Leases } from "../leases.ts";
import type { FeedName } from "../storage/storage.ts";
import { Courier } from "./courier.ts";
import type { CourierParts } from "./courier-parts.ts";
import { streamEntry } from "./event-entry.ts";
import { Slots } from "./slots.ts";
import { documentOf, documentOfFeed, feedOf, isPushed, type Stream } from "./stream.ts";
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

/** Where processes share the storage: a courier that has nothing to do costs two questions at each keeping of its lease. */
const SHARED_IDLE = 10_000;
/** How often whatever waits is looked for, since a notice may be lost, and whoever it was for may be dead. */
const TAKE_UP_EVERY = 20_000;
/** For how long a stream that is not pushed isn't looked at for another's notice. */
const UNPUSHED = 30_000;
/** Feeds that are remembered to be another's, and how many of them are tried at each keeping. */
const MOST_ELSEWHERE = 10_000;
const RETRIED = 100;

type CouriersParts = Omit<CourierParts, "slots" | "signal" | "isHeld" | "reread" | "gone" | "noteFailing" | "stop" | "due"> & {
  readonly streams: Streams;
  readonly issuer: string;
  /** See `OutboxParts.lease`. */
  readonly lease?: number;
  /** Whether something new is to show up there. */
  isAnnounced(feed: FeedName): boolean;
  /** What is to show up there is another process's to see. */
  forget(feed: FeedName): void;
  /** Empties a feed of what nobody is to get. */
  drop(feed: FeedName): Promise<void>;
};

/** One courier for each stream that is pushed and has something to deliver; of many processes that share a storage, at one of them. */
export class Couriers {
  readonly #parts: CouriersParts;
  readonly #couriers = new Map<FeedName, Courier>();
  readonly #opening = new Map<FeedName, Promise<void>>();
  readonly #ending = new Map<FeedName, Promise<void>>();
  readonly #slots = { live: new Slots(LIVE), failing: new Slots(FAILING) };
  readonly #stopping = new AbortController();
  readonly #timetable: Timetable;
  readonly #leases: Leases;
  /** Feeds that another process delivers, as far as is known. */
  readonly #elsewhere = new Set<FeedName>();
  /** Until when a feed whose stream is not pushed is left alone (milliseconds of this process). */
  readonly #unpushed = new Bounded<number>(MOST_ELSEWHERE);
  #keeping: Promise<void> | undefined;
  #takingUp: Promise<void> | undefined;
  #isRunning = false;

  constructor(parts: CouriersParts) {
    this.#parts = parts;
    this.#leases = new Leases(parts.storage, parts.lease);
    this.#timetable = new Timetable(parts.now, (feed) => this.kick(feed));
    // Every delivery on its way listens.
    setMaxListeners(0, this.#stopping.signal);
  }

  run(): AsyncDisposable {
    const { isShared } = this.#parts.storage;
    this.#isRunning = true;
    const timers = [setInterval(() => this.#endIdle(), isShared ? SHARED_IDLE : IDLE)];
    if (isShared)
      timers.push(
        setInterval(() => this.#keep(), this.#leases.every),
        setInterval(() => this.#takeUp(), TAKE_UP_EVERY),
      );
    for (const timer of timers) timer.unref();
    this.#takeUp();
    return {
      [Symbol.asyncDispose]: async () => {
        this.#isRunning = false;
        this.#timetable.stop();
        for (const timer of timers) clearInterval(timer);
        const grace = setTimeout(() => this.#stopping.abort(), GRACE);
        await Promise.all([this.#takingUp, this.#keeping, ...this.#opening.values()]);
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

  /** Some process has appended something. */
  hear(feed: FeedName): void {
    if (!this.#isUnpushed(feed)) this.kick(feed);
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
    const ending = this.#endOne(feed, courier)
      .catch((error: unknown) => this.#parts.log.fault("outbox", error))
      .finally(() => {
        if (this.#ending.get(feed) === ending) this.#ending.delete(feed);
      });
    this.#ending.set(feed, ending);
  }

  async #endOne(feed: FeedName, courier: Courier): Promise<void> {
    try {
      await courier.end();
    } finally {
      await this.#leases.release(leaseOf(feed));
    }
  }

  #use(feed: FeedName, use: (courier: Courier) => void, isUrgent: boolean): void {
    if (!this.#isRunning) return;
    const courier = this.#couriers.get(feed);
    const opening = this.#opening.get(feed);
    if (courier !== undefined) use(courier);
    else if (this.#elsewhere.has(feed) && !isUrgent) this.#parts.forget(feed);
    else if (opening === undefined) void this.#open(feed, use, isUrgent);
    else if (isUrgent) void opening.then(() => this.#use(feed, use, isUrgent));
  }

  /** Whatever waited when a process stopped. */
  #takeUp(): void {
    this.#takingUp ??= this.#openAll()
      .catch((error: unknown) => this.#parts.log.fault("outbox", error))
      .finally(() => {
        this.#takingUp = undefined;
      });
  }

  async #openAll(): Promise<void> {
    let after: FeedName | undefined;
    for (;;) {
      const feeds = await this.#parts.storage.listFeeds("events", { ...(after === undefined ? {} : { after }), limit: PAGE });
      for (const feed of feeds) {
        if (!this.#isRunning) return;
        if (this.#couriers.has(feed) || this.#elsewhere.has(feed) || this.#isUnpushed(feed)) continue;
        await (this.#opening.get(feed) ?? this.#open(feed, (courier) => courier.kick(), false));
      }
      after = feeds.at(-1);
      if (feeds.length < PAGE) return;
    }
  }

  #keep(): void {
    this.#keeping ??= this.#keepLeases()
      .catch((error: unknown) => this.#parts.log.fault("outbox", error))
      .finally(() => {
        this.#keeping = undefined;
      });
  }

  /** Keeps what this process delivers, and takes over what another one no longer does. */
  async #keepLeases(): Promise<void> {
    for (const courier of this.#couriers.values()) courier.kick();
    await this.#leases.keep((name) => {
      const feed = feedOfLease(name);
      this.#noteElsewhere(feed);
      this.end(feed);
    });
    const tried = [...this.#elsewhere].slice(0, RETRIED);
    await Promise.all(
      tried.map(async (feed) => {
        this.#elsewhere.delete(feed);
        // Nothing waits: whoever appends the next one says so.
        if ((await this.#parts.storage.readFeed(feed, { limit: 1 })).length === 0 || !this.#isRunning) return;
        await (this.#opening.get(feed) ?? this.#open(feed, (courier) => courier.kick(), false));
      }),
    );
  }

  #noteElsewhere(feed: FeedName): void {
    this.#parts.forget(feed);
    // Where there are too many, the rest is found when all is taken up.
    if (this.#elsewhere.size < MOST_ELSEWHERE) this.#elsewhere.add(feed);
  }

  #isUnpushed = (feed: FeedName): boolean => (this.#unpushed.get(feed) ?? 0) > performance.now();

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
    const { streams, storage, drop } = this.#parts;
    // What the one before has on its way must not be overtaken.
    await this.#ending.get(feed);
    const name = documentOfFeed(feed);
    await streams.alone(name, async () => {
      const before = await streams.read(name);
      if (before === undefined || before.status === "disabled") await drop(feed);
      if (!isPushed(before)) this.#unpushed.set(feed, performance.now() + UNPUSHED);
      if (!this.#isToOpen(feed, before, isUrgent)) return;
      if (!(await this.#leases.take(leaseOf(feed)))) {
        this.#noteElsewhere(feed);
        return;
      }
      // Whoever had the lease may have changed it until now.
      const stream = storage.isShared ? await streams.read(name) : before;
      if (!this.#isToOpen(feed, stream, isUrgent)) {
        await this.#leases.release(leaseOf(feed));
        return;
      }
      this.#elsewhere.delete(feed);
      const courier = this.#make(feed, stream);
      this.#couriers.set(feed, courier);
      use(courier);
    });
  }

  #isToOpen(feed: FeedName, stream: Stream | undefined, isUrgent: boolean): stream is Stream {
    const { now, isAnnounced } = this.#parts;
    if (!this.#isRunning || !isPushed(stream) || this.#couriers.has(feed)) return false;
    const next = stream.failing?.next ?? 0;
    if (next <= now() || isUrgent || isAnnounced(feed)) return true;
    // Nothing of one that fails is kept in memory before its time.
    this.#timetable.add(feed, next);
    return false;
  }

  #make(feed: FeedName, stream: Stream): Courier {
    const { streams, storage } = this.#parts;
    const name = documentOfFeed(feed);
    return new Courier(stream, {
      ...this.#parts,
      slots: this.#slots,
      signal: this.#stopping.signal,
      isHeld: () => this.#leases.holds(leaseOf(feed)),
      reread: storage.isShared ? () => streams.read(name) : undefined,
      gone: () => this.end(feed),
      noteFailing: (failed, failing) =>
        streams.alone(name, async () => {
          await streams.change(failed.clientId, (now) => (isSame(now, failed) ? { ...now, failing } : undefined));
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
    await streams.alone(documentOf(clientId), async () => {
      const next = await streams.change(clientId, (now): Stream | undefined =>
        isSame(now, stream) ? { ...now, status: "paused", reason, stopped: true, failing: null } : undefined,
      );
      if (next === undefined) return;
      this.end(feed);
      log.stream(clientId, "stopped", reason);
      await storage.append(feed, [streamEntry(issuer, next, STREAM_UPDATED, { status: next.status, reason }, clock())]);
    });
  }

  #endIdle(): void {
    const idle = performance.now() - (this.#parts.storage.isShared ? SHARED_IDLE : IDLE);
    for (const [feed, { idleSince }] of this.#couriers) if (idleSince !== undefined && idleSince < idle) this.end(feed);
  }
}

const leaseOf = (feed: FeedName): string => feed.replace(/^events\//, "courier/");
const feedOfLease = (name: string): FeedName => name.replace(/^courier\//, "events/") as FeedName;

/** Still the stream that it was, and still to be delivered to the same address. */
const isSame = (now: Stream | undefined, { id, push }: Stream): now is Stream =>
  now?.id === id && now.status === "enabled" && now.push?.url === push?.url && now.push?.authorization === push?.authorization;
