import { assertFeedName, assertLimit, assertPosition, jsonOf } from "../shapes.ts";
import type { FeedKind, FeedName } from "../storage.ts";
import type { Database } from "./database.ts";
import { failure, isConflict } from "./failure.ts";
import type { Statement } from "./session.ts";
import { storedRange, unstored } from "./text-order.ts";
import { beforeNext, TRIES } from "./tries.ts";
import { APPEND, feedKey } from "./writing.ts";

/** Also whether something waits in the inbox, in the same moment: one row at least. */
const READ: Statement = {
  name: "feed-read",
  text: `SELECT inbox.waits, found.position, found.entry
    FROM (SELECT EXISTS (SELECT 1 FROM feed_inbox WHERE feed = $1)::int::text AS waits) AS inbox
    LEFT JOIN LATERAL (SELECT position, entry FROM feed_entries WHERE feed = $1 AND position > $2 ORDER BY position LIMIT $3) AS found ON true
    ORDER BY found.position`,
};

const KNOW: Statement = { name: "feed-know", text: "INSERT INTO feeds (name, last) VALUES ($1, 0) ON CONFLICT DO NOTHING" };
const LOCK: Statement = { name: "feed-lock", text: "SELECT last FROM feeds WHERE name = $1 FOR UPDATE" };

/** Once the lock is held it sees all that is committed in the inbox, so what it leaves there comes behind what it takes. */
const PLACE: Statement = {
  name: "feed-place",
  text: `WITH taken AS (
      DELETE FROM feed_inbox WHERE feed = $1 AND seq = ANY (ARRAY (SELECT seq FROM feed_inbox WHERE feed = $1 ORDER BY seq LIMIT $2))
      RETURNING seq, entry),
    placed AS (INSERT INTO feed_entries (feed, position, entry)
      SELECT $1, feeds.last + row_number() OVER (ORDER BY taken.seq), taken.entry FROM taken, feeds WHERE feeds.name = $1)
    UPDATE feeds SET last = last + (SELECT count(*) FROM taken) WHERE name = $1`,
};

const REMOVE: Statement = { name: "feed-remove", text: "DELETE FROM feed_entries WHERE feed = $1 AND position = ANY ($2::bigint[])" };

const WAITS: Statement = { name: "feed-waits", text: "SELECT 1 FROM feed_inbox WHERE feed = $1 LIMIT 1" };

/** From name to name: it costs what it answers, however many entries each has. */
const LIST: Statement = {
  name: "feed-list",
  text: `WITH RECURSIVE found (name) AS (
      SELECT least(
        (SELECT feed FROM feed_entries WHERE feed >= $1 AND feed < $2 ORDER BY feed LIMIT 1),
        (SELECT feed FROM feed_inbox WHERE feed >= $1 AND feed < $2 ORDER BY feed LIMIT 1))
    UNION ALL
      SELECT least(
        (SELECT feed FROM feed_entries WHERE feed > found.name AND feed < $2 ORDER BY feed LIMIT 1),
        (SELECT feed FROM feed_inbox WHERE feed > found.name AND feed < $2 ORDER BY feed LIMIT 1))
      FROM found WHERE found.name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL LIMIT $3`,
};

/** The most that are given their places at once. */
const PLACED = 20_000;

/**
 * Ordered queues. Who appends only adds to the feed's inbox, within its own transaction, and waits for nobody; numbers taken there may
 * become visible in any order. Who reads first gives places to what is committed, under the feed's lock: so places become visible in
 * their order, and nothing shows up behind one that was answered.
 */
export class Feeds {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append(feed: FeedName, entries: readonly unknown[]): Promise<void> {
    assertFeedName(feed);
    const name = feedKey(feed);
    const texts = entries.map((entry) => jsonOf(entry, "an entry"));
    if (texts.length > 0) await this.#database.query(APPEND, [texts.map(() => name), texts]);
  }

  async read(feed: FeedName, { after = 0, limit }: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>> {
    assertFeedName(feed);
    assertLimit(limit);
    assertPosition(after);
    const name = feedKey(feed);
    for (;;) {
      const { rows } = await this.#database.query<[string, string | null, string | null]>(READ, [name, after, limit]);
      const found = rows.flatMap(
        ([, position, entry]): Array<[number, unknown]> =>
          position === null || entry === null ? [] : [[Number(position), JSON.parse(entry)]],
      );
      if (found.length === limit || rows[0]?.[0] === "0") return found;
      await this.#place(name);
    }
  }

  async remove(feed: FeedName, positions: readonly number[]): Promise<void> {
    assertFeedName(feed);
    const own = [...new Set(positions)].filter((position) => Number.isSafeInteger(position) && position > 0);
    if (own.length === 0) return;
    const name = feedKey(feed);
    const { rowCount } = await this.#database.query(REMOVE, [name, own]);
    if (rowCount === own.length || (await this.#database.query(WAITS, [name])).rowCount === 0) return;
    await this.#place(name);
    await this.#database.query(REMOVE, [name, own]);
  }

  async list(kind: FeedKind, { after, limit }: { after?: FeedName; limit: number }): Promise<FeedName[]> {
    assertLimit(limit);
    const prefix = `${kind}/`;
    const { from, below } = storedRange(prefix, after);
    const { rows } = await this.#database.query<[string]>(LIST, [from, below, limit]);
    return rows.map(([name]) => unstored(name) as FeedName);
  }

  async #place(name: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const outcome = await this.#database.session(async (session) => {
        const sent = [
          session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
          session.run(KNOW, [name]),
          session.run(LOCK, [name]),
          session.run(PLACE, [name, PLACED]),
        ];
        const [committed] = await Promise.allSettled([session.run("COMMIT"), ...sent]);
        return (
          session.fault ?? (committed.status === "fulfilled" && committed.value.command === "COMMIT" ? undefined : { cause: committed })
        );
      });
      if (outcome === undefined) return;
      if (!isConflict(outcome.cause) || tries === TRIES) throw failure(outcome.cause);
      await beforeNext(tries);
    }
  }
}
