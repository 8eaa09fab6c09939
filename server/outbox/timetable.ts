import type { FeedName } from "../storage/storage.ts";

/** A clock may be set, and a machine may sleep. */
const LONGEST = 60_000;

/** When feeds have to be looked at again. Times in epoch milliseconds. */
export class Timetable {
  readonly #now: () => number;
  readonly #ring: (feed: FeedName) => void;
  readonly #times = new Map<FeedName, number>();
  #next = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(now: () => number, ring: (feed: FeedName) => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Not later than `at`. */
  add(feed: FeedName, at: number): void {
    this.#times.set(feed, Math.min(at, this.#times.get(feed) ?? at));
    if (at >= this.#next) return;
    this.#next = at;
    this.#sleep();
  }

  delete(feed: FeedName): void {
    this.#times.delete(feed);
  }

  /** Rings for those whose time has come. Costs nothing before the first one's. */
  check(): void {
    const now = this.#now();
    if (this.#next > now) return;
    this.#next = Number.POSITIVE_INFINITY;
    for (const [feed, at] of this.#times)
      if (at > now) this.#next = Math.min(this.#next, at);
      else {
        this.#times.delete(feed);
        this.#ring(feed);
      }
    this.#sleep();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || this.#next === Number.POSITIVE_INFINITY) return;
    const left = Math.min(LONGEST, Math.max(0, this.#next - this.#now()));
    this.#timer = setTimeout(() => {
      if (this.#next <= this.#now()) this.check();
      else this.#sleep();
    }, left).unref();
  }
}
