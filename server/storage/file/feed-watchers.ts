import type { FeedName } from "../storage.ts";

/** Those who want to know of appends. They are told in a turn of their own: nobody who waits for the disk waits for them. */
export class FeedWatchers {
  readonly #looks = new Set<(feed: FeedName) => void>();
  readonly #appended = new Set<FeedName>();

  add(look: (feed: FeedName) => void): () => void {
    const mine = (feed: FeedName) => look(feed);
    this.#looks.add(mine);
    return () => void this.#looks.delete(mine);
  }

  /** A durable append. */
  appended(feed: FeedName): void {
    if (this.#looks.size === 0) return;
    if (this.#appended.size === 0) setImmediate(() => this.#tell());
    this.#appended.add(feed);
  }

  #tell(): void {
    const feeds = [...this.#appended];
    this.#appended.clear();
    for (const look of [...this.#looks]) for (const feed of feeds) look(feed);
  }
}
