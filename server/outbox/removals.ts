import type { Log } from "../log.ts";
import type { FeedName, Storage } from "../storage/storage.ts";

interface RemovalParts {
  readonly storage: Pick<Storage, "removeFromFeed">;
  readonly log: Pick<Log, "fault">;
}

/** Takes out of a feed what is done with: what comes while one is on its way goes together, since each is a write. */
export class Removals {
  readonly #parts: RemovalParts;
  readonly #feed: FeedName;
  /** After one has failed. */
  readonly #later: () => void;
  #done: number[] = [];
  #going: Promise<void> | undefined;

  constructor(parts: RemovalParts, feed: FeedName, later: () => void) {
    this.#parts = parts;
    this.#feed = feed;
    this.#later = later;
  }

  get isIdle(): boolean {
    return this.#done.length === 0 && this.#going === undefined;
  }

  add(...positions: readonly number[]): void {
    this.#done.push(...positions);
  }

  /** What fails is kept for the next time. */
  go(): void {
    if (this.#done.length > 0) this.#going ??= this.#remove();
  }

  async end(): Promise<void> {
    await this.#going;
    this.go();
    await this.#going;
  }

  async #remove(): Promise<void> {
    while (this.#done.length > 0) {
      const positions = this.#done;
      this.#done = [];
      try {
        await this.#parts.storage.removeFromFeed(this.#feed, positions);
      } catch (error) {
        this.#parts.log.fault("outbox", error);
        this.#done.push(...positions);
        this.#later();
        break;
      }
    }
    this.#going = undefined;
  }
}
