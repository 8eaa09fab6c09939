import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import type { Signer } from "../signed-jws.ts";
import type { FeedName, Storage } from "../storage/storage.ts";
import type { Resolve } from "../vendors/checked-address.ts";
import type { EventEntry } from "./event-entry.ts";
import type { Slots } from "./slots.ts";
import type { Stream } from "./stream.ts";

/** What a courier works with, and whom it tells. */
export interface CourierParts {
  readonly storage: Storage<Rows>;
  readonly key: Signer;
  readonly loopback: boolean;
  readonly resolve?: Resolve;
  readonly timeout?: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  /** Deliveries of all streams; and those of streams that fail, which must not hold up the others. */
  readonly slots: { readonly live: Slots; readonly failing: Slots };
  readonly signal: AbortSignal;
  /** Whether this process is the one that delivers to this vendor now. */
  isHeld(): boolean;
  /** The stream as it is now, where another process may have changed it. */
  readonly reread: (() => Promise<Stream | undefined>) | undefined;
  /** It is no longer to be delivered by push. */
  gone(): void;
  /** Its receiver has taken it. */
  acknowledged(stream: Stream, entry: EventEntry): Promise<void>;
  /** It was read from the feed. */
  seen(feed: FeedName, entry: EventEntry): void;
  /** Puts how the stream fails; null: it works. */
  noteFailing(stream: Stream, failing: Stream["failing"]): Promise<void>;
  /** Gives the stream up. */
  stop(stream: Stream, why: string): Promise<void>;
  /** When it has to be kicked again (epoch milliseconds). */
  due(at: number): void;
}
