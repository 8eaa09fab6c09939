import { Refusal } from "#protocol/refusal.ts";
import { takePlace } from "../places.ts";
import { refusalOf } from "../refuse.ts";
import { nextWindow } from "../store/change-window.ts";
import { changesFeedOf } from "../store/changes.ts";
import { readCursor } from "./bulk-cursor.ts";
import { bulkLines, PACE } from "./bulk-lines.ts";
import { type Endpoints, provenVendor } from "./endpoint.ts";

/** Small enough that a few of them may be in memory. */
const SIZE = { shares: 1000, characters: 1_000_000 };
/** Answers to one vendor at a time. */
const AT_ONCE = 2;

/** A vendor reads what changed in all its grants (protocol, section 7). */
export const changes: Endpoints<"changes"> = {
  async changes(deps, call) {
    const { storage, log, now, life, config } = deps;
    const reader = provenVendor(call);
    const start = readCursor(call.query.since, life.id);
    const feed = changesFeedOf(reader.clientId);
    const place = await takePlace(deps, feed, AT_ONCE);
    if (place === undefined)
      throw new Refusal("rate_limited", `${AT_ONCE} of these answers are on their way to you. Read one of them to its end.`, {
        extra: { retryAfter: 5 },
      });
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
