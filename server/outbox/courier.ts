import type { FeedName } from "../storage/storage.ts";
import { type PushAnswer, Pushes } from "../vendors/post-event.ts";
import type { CourierParts } from "./courier-parts.ts";
import { type EventEntry, isWanted, signedToken } from "./event-entry.ts";
import { type Item, type Lane, Lanes } from "./lanes.ts";
import { Removals } from "./removals.ts";
import { delayAfter } from "./retries.ts";
import { feedOf, isPushed, type Stream } from "./stream.ts";

/** Connections to one receiver. */
const WIDEST = 16;
/** Events of one stream in memory: where it works, and where it doesn't or nobody knows. */
const WINDOW = 1_000;
const NARROW = 32;
const PAGE = 200;
/** While a receiver fails, a grant that was not tried yet is tried at most so often: the fault may be another grant's. */
const PROBE_INTERVAL = 60_000;
const TROUBLE = 5_000;
/** How old what is known of the stream may be when deliveries begin, where other processes may change it. Milliseconds. */
const FRESH = 1_000;
/** How long a delivery takes a place of those that work: receivers that answer nothing, however many new ones there are, hold up nobody for longer. */
const PROMPT = 1_500;

/** `err` of a receiver that says nothing of the token (RFC 8935, 2.4): it may take the same one when its keys or our header are right again. */
const NOT_THE_TOKEN: readonly string[] = ["authentication_failed", "access_denied", "invalid_key"];

/** Delivers one stream's events by push (RFC 8935): each grant's in their order, those of several grants side by side. */
export class Courier {
  readonly #parts: CourierParts;
  readonly #feed: FeedName;
  readonly #lanes = new Lanes();
  readonly #flying = new Set<Promise<void>>();
  readonly #removals: Removals;
  #stream: Stream;
  #pushes: Pushes;
  /** The last position that was read. */
  #after = 0;
  #ended = false;
  #width = 1;
  #successes = 0;
  #probed = Number.NEGATIVE_INFINITY;
  /** Its vendor wants to know now whether it works: that doesn't count as a try. */
  #isAsked = false;
  #pumping: Promise<void> | undefined;
  #again = false;
  /** There may be more in the feed. */
  #more = true;
  /** Delivered, but what follows from it could not be kept yet: not to be sent again. */
  readonly #taken = new WeakSet<Item>();
  #usedAt = performance.now();
  #readAt = performance.now();
  #isKicked = false;
  /** How often the stream was changed by this process, and whether that is on its way to the storage. */
  #changes = 0;
  #noting = 0;

  constructor(stream: Stream, parts: CourierParts) {
    this.#stream = stream;
    this.#parts = parts;
    this.#feed = feedOf(stream.clientId);
    this.#pushes = pushesTo(stream);
    this.#removals = new Removals(parts, this.#feed, () => this.#tryLater());
  }

  /** Since when it had nothing to do (milliseconds of this process); undefined while it has. */
  get idleSince(): number | undefined {
    const isIdle = this.#lanes.size === 0 && this.#flying.size === 0 && this.#removals.isIdle && this.#pumping === undefined;
    return isIdle ? this.#usedAt : undefined;
  }

  /** Its vendor has changed it. */
  change(stream: Stream): void {
    const { push } = this.#stream;
    this.#changes++;
    this.#stream = stream;
    if (push?.url === stream.push?.url && push?.authorization === stream.push?.authorization) return;
    this.#pushes.close();
    this.#pushes = pushesTo(stream);
    for (const lane of this.#lanes.all()) {
      lane.tries = 0;
      lane.next = 0;
    }
  }

  /** There may be something new in the feed, or the time may have come to try again. */
  kick(): void {
    this.#more = true;
    this.#isKicked = true;
    this.#goOn();
  }

  /** Tries now, however long it would wait. */
  probe(): void {
    this.#isAsked = true;
    this.kick();
  }

  #goOn(): void {
    if (this.#ended) return;
    this.#again = true;
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined;
      if (this.#again) this.#goOn();
    });
  }

  /** Takes nothing up any more. Resolves when what was on its way has its answer. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#pumping;
    await Promise.all(this.#flying);
    await this.#removals.end();
    this.#pushes.close();
    this.#lanes.clear();
  }

  async #pump(): Promise<void> {
    try {
      while (this.#again && !this.#ended) {
        this.#again = false;
        await this.#look();
        await this.#fill();
        this.#launch();
      }
      this.#removals.go();
    } catch (error) {
      this.#parts.log.fault("outbox", error);
      this.#again = false;
      this.#tryLater();
    }
  }

  /** What other processes have done to the stream since. */
  async #look(): Promise<void> {
    const { reread, gone } = this.#parts;
    if (reread === undefined || (!this.#isKicked && performance.now() < this.#readAt + FRESH)) return;
    this.#isKicked = false;
    const asked = performance.now();
    const changes = this.#changes;
    const stream = await reread();
    if (this.#ended) return;
    // What was read may be from before.
    if (changes !== this.#changes || this.#noting > 0) {
      this.#isKicked = true;
      return;
    }
    if (!isPushed(stream)) {
      this.#ended = true;
      gone();
      return;
    }
    this.#readAt = asked;
    // A vendor that asks for a verification wants to know now.
    if (stream.verified !== this.#stream.verified) this.#isAsked = true;
    this.change(stream);
  }

  async #fill(): Promise<void> {
    const { storage, seen } = this.#parts;
    const most = this.#stream.failing === null && this.#successes > 0 ? WINDOW : NARROW;
    while (this.#more && this.#lanes.size < most && !this.#ended) {
      this.#more = false;
      const page = (await storage.readFeed(this.#feed, { after: this.#after, limit: Math.min(PAGE, most) })) as Array<[number, EventEntry]>;
      for (const [position, entry] of page) {
        seen(this.#feed, entry);
        if (isWanted(this.#stream, entry)) this.#lanes.add(position, entry);
        else this.#removals.add(position);
        this.#after = position;
      }
      if (page.length === Math.min(PAGE, most)) this.#more = true;
    }
  }

  #launch(): void {
    for (;;) {
      const lane = this.#ended ? undefined : this.#pick();
      if (lane === undefined) break;
      lane.busy = true;
      const isCounted = !this.#isAsked;
      this.#isAsked = false;
      const flight = this.#deliver(lane, lane.items[0] as Item, isCounted)
        .catch((error: unknown) => {
          // A fault of ours says nothing about the receiver: the same event again, later.
          this.#parts.log.fault("outbox", error);
          lane.next = this.#parts.now() + TROUBLE;
        })
        .finally(() => {
          lane.busy = false;
          this.#flying.delete(flight);
          this.#usedAt = performance.now();
          this.#goOn();
        });
      this.#flying.add(flight);
    }
    this.#askForKick();
  }

  #pick(): Lane | undefined {
    if (!this.#parts.isHeld()) return undefined;
    const now = this.#parts.now();
    const { failing } = this.#stream;
    if (failing === null) {
      if (this.#flying.size >= this.#width) return undefined;
      for (const lane of this.#lanes.all()) if (!lane.busy && lane.next <= now) return lane;
      return undefined;
    }
    if (this.#flying.size > 0) return undefined;
    // Always the same one, by whose tries the stream's are counted.
    if (failing.next <= now || this.#isAsked) {
      let probe: Lane | undefined;
      for (const lane of this.#lanes.all()) if (probe === undefined || lane.tries > probe.tries) probe = lane;
      if (probe !== undefined) probe.tries = Math.max(probe.tries, failing.tries);
      return probe;
    }
    if (now < this.#probed + PROBE_INTERVAL) return undefined;
    for (const lane of this.#lanes.all())
      if (lane.tries === 0) {
        this.#probed = now;
        return lane;
      }
    return undefined;
  }

  #askForKick(): void {
    const { failing } = this.#stream;
    if (failing === null) {
      for (const lane of this.#lanes.all()) if (!lane.busy) this.#due(lane.next);
    } else if (this.#lanes.size > 0) {
      this.#due(failing.next);
      this.#due(this.#probed + PROBE_INTERVAL);
    }
  }

  /** What is due already waits for a delivery that is on its way. */
  #due(at: number): void {
    if (at > this.#parts.now()) this.#parts.due(at);
  }

  async #deliver(lane: Lane, item: Item, isCounted: boolean): Promise<void> {
    const { key, slots, log, acknowledged, isHeld } = this.#parts;
    const stream = this.#stream;
    // It may have been read before the vendor changed what it asks for.
    if (!isWanted(stream, item.entry)) {
      this.#finish(lane, item);
      return;
    }
    const before = this.#successes;
    const pushes = this.#pushes;
    const isLive = stream.failing === null;
    const answer = await (isLive ? slots.live : slots.failing).use(
      async (): Promise<PushAnswer> => {
        // It may have waited for its turn.
        if (this.#taken.has(item)) return { taken: true };
        if (this.#ended || pushes !== this.#pushes || !isHeld()) return { taken: undefined, why: "the stream has changed" };
        return pushes.post(signedToken(key, item.entry), { ...this.#parts, authorization: stream.push?.authorization ?? null });
      },
      isLive ? PROMPT : undefined,
    );
    // What became of it when the address changed or the server stopped is nobody's failure.
    const isKnown = answer.taken !== undefined;
    if (!isKnown && (this.#ended || pushes !== this.#pushes || this.#parts.signal.aborted || !isHeld())) return;
    log.events(answer.taken === undefined ? "failed" : answer.taken ? "delivered" : "refused", 1);
    if (answer.taken === true) {
      this.#taken.add(item);
      await acknowledged(stream, item.entry);
    }
    if (answer.taken === undefined || (answer.taken === false && NOT_THE_TOKEN.includes(answer.err))) {
      if (!isCounted && this.#stream.failing !== null) return;
      const why = answer.taken === false ? "the receiver refuses our tokens or our authorization" : answer.why;
      await this.#failed(lane, item, before, why, answer.taken === undefined ? answer.retryAfter : undefined);
      return;
    }
    if (!answer.taken) log.stream(stream.clientId, "refused", "the receiver refused an event");
    this.#successes++;
    this.#width = Math.min(WIDEST, this.#width * 2);
    this.#finish(lane, item);
    if (this.#stream.failing !== null) await this.#noteFailing(null);
  }

  #finish(lane: Lane, { positions }: Item): void {
    this.#lanes.shift(lane);
    this.#removals.add(...positions);
  }

  async #failed(lane: Lane, item: Item, before: number, why: string, asked: number | undefined): Promise<void> {
    const { now, random, log } = this.#parts;
    const { failing } = this.#stream;
    if (lane.tries === 0) lane.successes = before;
    // The count goes on where an earlier process left it.
    const isProbe = failing !== null && failing.next <= now();
    lane.tries++;
    this.#width = 1;
    const delay = delayAfter(lane.tries, random(), asked);
    const hasTakenOthers = this.#successes > lane.successes;
    if (delay === undefined && hasTakenOthers) {
      log.stream(this.#stream.clientId, "refused", "an event could not be delivered while others could");
      this.#finish(lane, item);
      return;
    }
    if (delay === undefined) {
      await this.#parts.stop(this.#stream, why);
      return;
    }
    lane.next = now() + delay;
    // Others have been taken since this one was sent: it is this event's trouble alone.
    if (this.#successes > before) return;
    if (failing === null) await this.#noteFailing({ since: now(), tries: lane.tries, next: lane.next });
    else if (isProbe) await this.#noteFailing({ ...failing, tries: lane.tries, next: lane.next });
  }

  async #noteFailing(failing: Stream["failing"]): Promise<void> {
    this.#stream = { ...this.#stream, failing };
    this.#changes++;
    this.#noting++;
    try {
      await this.#parts.noteFailing(this.#stream, failing);
    } finally {
      this.#noting--;
    }
  }

  #tryLater(): void {
    this.#parts.due(this.#parts.now() + TROUBLE);
  }
}

const pushesTo = ({ push }: Stream): Pushes => new Pushes(new URL(push?.url ?? "https://invalid"), WIDEST);
