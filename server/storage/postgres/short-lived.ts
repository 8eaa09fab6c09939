import { createHash } from "node:crypto";
import { jsonOf } from "../shapes.ts";
import type { Database } from "./database.ts";
import type { Statement } from "./session.ts";

const USE: Statement = {
  name: "use",
  text: `INSERT INTO used (digest, until) VALUES ($1, $2)
    ON CONFLICT (digest) DO UPDATE SET until = excluded.until WHERE used.until <= $3`,
};

const PUT: Statement = {
  name: "ticket-put",
  text: `INSERT INTO tickets (digest, value, until) VALUES ($1, $2, $3)
    ON CONFLICT (digest) DO UPDATE SET value = excluded.value, until = excluded.until`,
};
const GET: Statement = { name: "ticket-get", text: "SELECT value FROM tickets WHERE digest = $1 AND until > $2" };
const TAKE: Statement = { name: "ticket-take", text: "DELETE FROM tickets WHERE digest = $1 AND until > $2 RETURNING value" };

/** The only thing that a crash of the database may forget, by a fraction of a second: how often somebody has asked. */
const COUNT: Statement = {
  name: "count",
  text: `INSERT INTO counts (digest, until, count)
    SELECT $1, $2, 1 FROM set_config('synchronous_commit', 'off', true)
    ON CONFLICT (digest) DO UPDATE SET
      count = CASE WHEN counts.until >= excluded.until THEN counts.count + 1 ELSE 1 END,
      until = greatest(counts.until, excluded.until)
    RETURNING count, until`,
};

const HOLD: Statement = {
  name: "hold",
  text: `INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until <= $4`,
};
const RELEASE: Statement = { name: "release", text: "DELETE FROM leases WHERE name = $1 AND holder = $2" };

const EXPIRE: readonly Statement[] = ["used", "tickets", "counts"].map((table) => ({
  name: `expire-${table}`,
  text: `DELETE FROM ${table} WHERE digest = ANY (ARRAY (SELECT digest FROM ${table} WHERE until <= $1 ORDER BY until LIMIT $2))`,
}));

/** Of processes whose clocks differ, none may find removed what is still alive for it. */
const GRACE = 300_000;
/** Each request leaves a row or two: together more than come in a minute of 10 000 of them a second. */
const BATCH = 5_000;
const BATCHES = 400;

/**
 * Nonces, tickets, counts and leases: all processes have the same. Names are kept as digests: of one size, and nobody who reads the
 * database can use a code or a nonce. The clock is the server's.
 */
export class ShortLived {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  async once(kind: string, key: string, until: number): Promise<boolean> {
    const now = this.#now();
    if (until <= now) return false;
    return (await this.#database.query(USE, [digestOf(kind, key), whole(until), whole(now)])).rowCount === 1;
  }

  async putTicket(kind: string, name: string, value: unknown, until: number): Promise<void> {
    const text = jsonOf(value, "a ticket's value");
    await this.#database.query(PUT, [digestOf(kind, name), text, whole(until)]);
  }

  getTicket(kind: string, name: string): Promise<unknown> {
    return this.#ticket(GET, kind, name);
  }

  takeTicket(kind: string, name: string): Promise<unknown> {
    return this.#ticket(TAKE, kind, name);
  }

  async count(key: string, window: number): Promise<{ count: number; resetsAt: number }> {
    const until = (Math.floor(this.#now() / window) + 1) * window;
    const { rows } = await this.#database.query<[string, string]>(COUNT, [digestOf(String(window), key), whole(until)]);
    const [count, resetsAt] = rows[0] as [string, string];
    return { count: Number(count), resetsAt: Number(resetsAt) };
  }

  async hold(name: string, holder: string, duration: number): Promise<boolean> {
    const now = this.#now();
    return (await this.#database.query(HOLD, [name, holder, whole(now + duration), whole(now)])).rowCount === 1;
  }

  async release(name: string, holder: string): Promise<void> {
    await this.#database.query(RELEASE, [name, holder]);
  }

  /** Removes what is over, in small batches, as many as are reasonable at once. */
  async expire(): Promise<void> {
    for (const statement of EXPIRE)
      for (let batches = 0; batches < BATCHES; batches++)
        if ((await this.#database.query(statement, [whole(this.#now() - GRACE), BATCH])).rowCount < BATCH) break;
  }

  async #ticket(statement: Statement, kind: string, name: string): Promise<unknown> {
    const [[text] = []] = (await this.#database.query<[string]>(statement, [digestOf(kind, name), whole(this.#now())])).rows;
    return text === undefined ? undefined : JSON.parse(text);
  }
}

const whole = (milliseconds: number): number => Math.ceil(milliseconds);
const digestOf = (kind: string, name: string): Buffer => createHash("sha256").update(`${kind}\n${name}`).digest();
