import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import { refusalOf } from "../refuse.ts";
import type { FeedName } from "../storage/storage.ts";
import { nextWindow } from "../store/change-window.ts";
import { changesFeedOf } from "../store/changes.ts";
import { readCursor } from "./bulk-cursor.ts";
import { bulkLines, PACE } from "./bulk-lines.ts";
import { type Endpoints, provenVendor } from "./endpoint.ts";

/** Small enough that a few of them may be in memory. */
const SIZE = { shares: 1000, characters: 1_000_000 };
/** Answers to one vendor at a time. */
const AT_ONCE = 2;
/** Milliseconds after which the place of an answer whose process died is free, and those after which it is kept. */
const LIFE = 120_000;
const KEEP_EVERY = 30_000;

/** A vendor reads what changed in all its grants (protocol, section 7). */
export const changes: Endpoints<"changes"> = {
  async changes(deps, call) {
    const { storage, log, now, life, config } = deps;
    const reader = provenVendor(call);
    const start = readCursor(call.query.since, life.id);
    const feed = changesFeedOf(reader.clientId);
    const place = await takePlace(deps, feed);
    try {
      const window = await nextWindow(storage, feed, start);
      if (call.query.since !== undefined && start.after < window.marks.dropped)
        throw new Refusal("cursor_expired", "This cursor is older than the feed. Read from the beginning.", { pointer: "/since" });
      let records = 0;
      const pieces = bulkLines(
        {
          storage,
          log,
          now,
          reader,
          rates: config.rates,
          size: SIZE,
          note: (more) => {
            records += more;
          },
          feed,
          life: life.id,
          pace: PACE,
          faultOf: (error) => {
            const { code, message } = refusalOf(error);
            return { code, detail: message };
          },
          keep: place.keep,
          isOver: () => deps.ending.stopping.aborted,
        },
        start,
        window,
      );
      return { pieces, end: place.leave, records: () => records };
    } catch (error) {
      await place.leave();
      throw error;
    }
  },
};

interface Place {
  keep(): Promise<void>;
  leave(): Promise<void>;
}

/** One of the few places that a vendor has, whichever process answers. @throws {Refusal} `rate_limited` */
async function takePlace({ storage, log }: Pick<Deps, "storage" | "log">, feed: FeedName): Promise<Place> {
  const holder = randomText(16);
  for (let at = 0; at < AT_ONCE; at++) {
    const name = `${feed}/${at}`;
    if (!(await storage.hold(name, holder, LIFE))) continue;
    let kept = performance.now();
    return {
      async keep() {
        if (performance.now() < kept + KEEP_EVERY) return;
        kept = performance.now();
        await storage.hold(name, holder, LIFE);
      },
      leave: () => storage.release(name, holder).catch((error: unknown) => log.fault("changes", error)),
    };
  }
  throw new Refusal("rate_limited", `${AT_ONCE} of these answers are on their way to you. Read one of them to its end.`, {
    extra: { retryAfter: 5 },
  });
}
