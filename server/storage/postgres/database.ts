import pg from "pg";
import { type Figures, type Medium, StorageError } from "../storage.ts";
import { failure, isAnswer } from "./failure.ts";
import { Line } from "./line.ts";
import type { Origin } from "./origin.ts";
import { type Answer, Session, type Statement } from "./session.ts";

export interface DatabaseOptions {
  /** What `readAddress` answers. */
  address: pg.ClientConfig;
  /** The most connections of this process, without the one for notices. */
  connections: number;
  /** Milliseconds that a statement may take, and wait for a lock. */
  statementTimeout: number;
  /** Milliseconds until a connection must be there, or free. */
  connectTimeout: number;
  /** Milliseconds for which a lost answer to COMMIT is looked up. */
  lookup: number;
  origin: Origin;
}

/**
 * When the database last lost what it had in memory: a crash resets its statistics, a clean stop does not. Numbers of transactions that
 * were lost with it are given again afterwards.
 */
const SINCE: Statement = { name: "since", text: "SELECT stats_reset::text FROM pg_stat_bgwriter" };

const STATUS: Statement = {
  name: "status",
  text: "SELECT pg_xact_status($1::text::xid8), (SELECT stats_reset::text FROM pg_stat_bgwriter)",
};

/**
 * Every statement has its index. Plans are kept, and one that was made while a table was almost empty would read it whole when it is full.
 */
const OPTIONS = "-c synchronous_commit=on -c jit=off -c enable_seqscan=off -c enable_bitmapscan=off";

/** Our own transaction may still sit in a connection of which the database doesn't know yet that it broke. */
const END: Statement = {
  name: "end",
  text: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid = $1::text::xid8::xid AND pid <> pg_backend_pid()",
};

/** Connections to one database: how many, how long, and what their faults mean. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #config: pg.PoolConfig;
  readonly #lookup: number;
  readonly #origin: Origin;
  readonly #since = new WeakMap<pg.ClientBase, string>();
  /** Transactions ask for more while they hold a connection (a ticket, a pointer): there is always one left for that. */
  readonly #transactions: Line;

  constructor({ address, connections, statementTimeout, connectTimeout, lookup, origin }: DatabaseOptions) {
    this.#lookup = lookup;
    this.#origin = origin;
    this.#config = {
      ...address,
      max: connections,
      connectionTimeoutMillis: connectTimeout,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      statement_timeout: statementTimeout,
      lock_timeout: Math.ceil(statementTimeout / 2),
      idle_in_transaction_session_timeout: statementTimeout * 2,
      // Whoever doesn't answer at all; sent behind one another, the second may wait for the first one's lock.
      query_timeout: statementTimeout * 2 + 1_000,
      options: OPTIONS,
      pipeline: true,
    };
    const onConnect = async (client: pg.ClientBase): Promise<void> => {
      // One round trip for both.
      const [{ rows }] = await Promise.all([client.query<[string | null]>({ ...SINCE, rowMode: "array" }), origin.check(client)]);
      this.#since.set(client, rows[0]?.[0] ?? "");
    };
    this.#pool = new pg.Pool({ ...this.#config, onConnect });
    // A connection that breaks while nobody uses it is replaced by the pool; one that is used tells whoever uses it.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#transactions = new Line(Math.max(1, connections - Math.max(1, Math.floor(connections / 4))), {
      most: 10_000,
      patience: Math.max(connectTimeout, statementTimeout),
    });
  }

  get figures(): Figures {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { connections: totalCount, connectionsIdle: idleCount, connectionsWaiting: waitingCount + this.#transactions.length };
  }

  /** Which database it is; null: it can't tell. @throws {StorageError} `failed`: it is a standby */
  get medium(): Medium | null {
    return this.#origin.medium;
  }

  /** One statement, which is a transaction of its own. @throws {StorageError} */
  async query<Row extends unknown[]>(statement: Statement, values: unknown[] = []): Promise<Answer<Row>> {
    const client = await this.#connect();
    const session = new Session(client, this.#since.get(client) ?? "");
    try {
      return await session.run<Row>(statement, values);
    } catch (error) {
      throw failure(error);
    } finally {
      client.release(broken(session));
    }
  }

  /**
   * `work` on one connection; it begins and ends its transactions itself. Its errors are passed on as they are.
   * @throws {StorageError} where there is no connection
   */
  async session<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    await this.#transactions.enter();
    try {
      const client = await this.#connect();
      const session = new Session(client, this.#since.get(client) ?? "");
      try {
        return await work(session);
      } catch (error) {
        session.rollBack();
        throw error;
      } finally {
        client.release(broken(session));
      }
    } finally {
      this.#transactions.leave();
    }
  }

  /** A connection beside the pool, for what must not wait for it. `extra`: what is different. */
  async connect(extra: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({ ...this.#config, ...extra });
    client.on("error", () => {});
    try {
      await client.connect();
      await this.#origin.check(client);
    } catch (error) {
      void client.end().catch(() => {});
      throw failure(error);
    }
    return client;
  }

  /**
   * Whether the transaction was committed whose COMMIT nobody answered. `undefined`: nobody can know.
   * @param since of the session in which it was
   */
  async wasCommitted(xid: string, since: string): Promise<boolean | undefined> {
    const end = performance.now() + this.#lookup;
    for (let wait = 20; performance.now() < end && !this.#origin.isGone; wait = Math.min(wait * 2, 500)) {
      const client = await this.connect({ connectionTimeoutMillis: 2_000, query_timeout: 2_000 }).catch(() => undefined);
      try {
        const answer = await client?.query<[string | null, string | null]>({ ...STATUS, values: [xid], rowMode: "array" });
        const [status, now] = answer?.rows[0] ?? [];
        // After a crash that may be another one of the same number; one that is not committed is none of either.
        if (status === "committed") return now === since ? true : undefined;
        if (status === "aborted") return false;
        if (status === null) return undefined;
        if (status !== undefined) await client?.query({ ...END, values: [xid] });
      } catch (error) {
        // A database that went on from an earlier state knows no such transaction, and may use its number again.
        if (isAnswer(error)) return undefined;
      } finally {
        void client?.end().catch(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #connect(): Promise<pg.PoolClient> {
    this.#origin.assertHere();
    try {
      return await this.#pool.connect();
    } catch (error) {
      if (this.#pool.ending) throw new StorageError("failed", "the storage is closed");
      throw failure(error);
    }
  }
}

/** Whether the connection is of no use any more: true has the pool throw it away. */
const broken = ({ fault }: Session): boolean => fault !== undefined && !isAnswer(fault.cause);
