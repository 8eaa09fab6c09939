import type { Log } from "../log.ts";
import type { Rows } from "../rows.ts";
import type { FeedName, Storage } from "../storage/storage.ts";
import { compact, hasGrown, isAged, KEEPING, type Keeping } from "./compaction.ts";
import { seedFeeds } from "./seed.ts";

/** Milliseconds between two looks. */
const INTERVAL = 60_000;
const DAILY = 1_440;
const PAGE = 1_000;

interface KeepParts {
  readonly storage: Storage<Rows>;
  readonly log: Pick<Log, "fault">;
  readonly now: () => number;
}

/**
 * Keeps feeds in order: tells them once of what is older than they are, then looks every minute at those to which something came, and at
 * all of them at the start and once a day. Disposing of it waits for what is going on.
 */
export function keepFeeds(parts: KeepParts, keeping: Keeping = KEEPING): AsyncDisposable {
  const { storage, log, now } = parts;
  const grown = new Set<FeedName>();
  const unwatch = storage.watchFeeds((feed) => {
    if (feed.startsWith("changes/")) grown.add(feed);
  });
  let isStopping = false;
  const look = async (feed: FeedName, isDaily: boolean): Promise<void> => {
    try {
      const isDue = (await hasGrown(storage, feed, keeping)) || (isDaily && (await isAged(storage, feed, now() - keeping.ended)));
      if (isDue) await compact(storage, feed, now(), keeping);
    } catch (error) {
      log.fault("compaction", error);
    }
  };
  const run = async (all: boolean): Promise<void> => {
    if (all) await seedFeeds(storage, now, () => isStopping);
    const some = [...grown];
    grown.clear();
    for (const feed of some) if (!isStopping) await look(feed, false);
    for (let after: FeedName | undefined; all && !isStopping; ) {
      const feeds = await storage.listFeeds("changes", { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const feed of feeds) if (!isStopping) await look(feed, true);
      after = feeds.at(-1);
      if (after === undefined) return;
    }
  };
  let turn = 0;
  let going: Promise<void> | undefined;
  const begin = (): void => {
    going ??= run(turn++ % DAILY === 0)
      .catch((error: unknown) => log.fault("compaction", error))
      .finally(() => {
        going = undefined;
      });
  };
  begin();
  const timer = setInterval(begin, INTERVAL);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      isStopping = true;
      clearInterval(timer);
      unwatch();
      await going;
    },
  };
}
