import type { FeedName } from "../storage/storage.ts";

/** A change that takes longer than this has failed. */
const LIFE = 30_000;

/**
 * Events that changes are about to append. A change tells of them before it is durable, so its feed has to be looked at until they show
 * up there, or never do because the change failed.
 */
export class Announced {
  readonly #feeds = new Map<FeedName, Map<string, number>>();

  add(feed: FeedName, jti: string): void {
    const events = this.#feeds.get(feed) ?? new Map<string, number>();
    this.#feeds.set(feed, events.set(jti, performance.now() + LIFE));
  }

  seen(feed: FeedName, jti: string): void {
    const events = this.#feeds.get(feed);
    if (events?.delete(jti) && events.size === 0) this.#feeds.delete(feed);
  }

  has(feed: FeedName): boolean {
    return this.#feeds.has(feed);
  }

  forget(feed: FeedName): void {
    this.#feeds.delete(feed);
  }

  /** Feeds in which something is to show up. */
  feeds(): FeedName[] {
    const now = performance.now();
    for (const [feed, events] of this.#feeds) {
      for (const [jti, until] of events) {
        if (until > now) break;
        events.delete(jti);
      }
      if (events.size === 0) this.#feeds.delete(feed);
    }
    return [...this.#feeds.keys()];
  }
}
