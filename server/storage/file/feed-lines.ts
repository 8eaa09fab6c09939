import { assertFeedName, jsonOf } from "../shapes.ts";
import type { FeedName } from "../storage.ts";
import { within } from "../within.ts";
import { appendsText } from "./appends.ts";
import type { Feeds } from "./feeds.ts";
import type { Journal } from "./journal.ts";
import type { Upkeep } from "./upkeep.ts";

const PATIENCE = 30_000;

/** Lines of the journal that are about feeds and no store. */
export class FeedLines {
  readonly #journal: Journal;
  readonly #feeds: Feeds;
  readonly #upkeep: Upkeep;

  constructor(journal: Journal, feeds: Feeds, upkeep: Upkeep) {
    this.#journal = journal;
    this.#feeds = feeds;
    this.#upkeep = upkeep;
  }

  async append(feed: FeedName, entries: readonly unknown[]): Promise<void> {
    assertFeedName(feed);
    const appends = entries.map((entry): [FeedName, string] => [feed, jsonOf(entry, "an entry")]);
    if (appends.length > 0) await this.#write(`{${appendsText(appends)}}`, (sequence) => this.#feeds.appended(sequence, appends));
  }

  async remove(feed: FeedName, positions: readonly number[]): Promise<void> {
    const there = await this.#feeds.mayHave(feed, positions);
    if (there.length > 0)
      await this.#write(`{"removed":${JSON.stringify([feed, there])}}`, (sequence) => this.#feeds.removed(sequence, feed, there));
  }

  async #write(text: string, onDurable: (sequence: number) => void): Promise<void> {
    const { behind } = this.#upkeep;
    if (behind !== undefined) await within(PATIENCE, behind, "the journal is too long");
    await new Promise<void>((resolve, reject) => {
      const durable = (sequence: number) => {
        onDurable(sequence);
        this.#upkeep.changed();
        resolve();
      };
      this.#journal.append({ text, store: undefined, durable, failed: reject });
    });
  }
}
