import { isPointerName, isStoreId } from "../shapes.ts";
import { type FeedName, type PointerKind, StorageError, type StoreReader, type StoreWriter } from "../storage.ts";
import type { Database } from "./database.ts";
import { failure, isAnswer, isConflict } from "./failure.ts";
import { Lines } from "./line.ts";
import type { Answer, Session, Statement } from "./session.ts";
import { beforeNext, TRIES } from "./tries.ts";
import { Work } from "./work.ts";
import { sendErasure, write } from "./writing.ts";

const READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/** Each statement sees what is committed when it begins: under the lock that is the store as the last change left it. */
const WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

const EXISTS: Statement = { name: "exists", text: "SELECT 1 FROM stores WHERE id = $1" };

/** The transaction's number is what a lost answer to COMMIT is looked up by. */
const LOCK: Statement = { name: "lock", text: "SELECT pg_current_xact_id()::text FROM stores WHERE id = $1 FOR UPDATE" };

const MAKE: Statement = {
  name: "make",
  text: "INSERT INTO stores (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING pg_current_xact_id()::text",
};

const FIND: Statement = { name: "find", text: "SELECT store FROM pointers WHERE kind = $1 AND name = $2" };
const FIND_DUE: Statement = { name: "find-due", text: "SELECT id FROM stores WHERE due <= $1 ORDER BY due, id LIMIT $2" };
const LIST: Statement = { name: "list-stores", text: "SELECT id FROM stores WHERE id > $1 ORDER BY id LIMIT $2" };

/** How one try ended. `again`: nothing was written, and it may pass when it is done once more. */
type Outcome<Result> = { readonly result: Result; readonly work: Work<object> } | { readonly again: unknown };

type How = "create" | "change" | "erase";

/** Customers' stores: one change at a time for each, whichever process makes it. */
export class Stores<Rows extends object> {
  readonly #database: Database;
  readonly #appended: (feeds: Iterable<FeedName>) => void;
  /** Who waits for a store of this process's waits here: not in a connection that others need. */
  readonly #lines: Lines;
  /** Who comes before an erasure finds everything, who comes after it nothing: within this process also while it waits. */
  readonly #erasing = new Map<string, Promise<unknown>>();
  readonly #reading = new Map<string, Set<Promise<unknown>>>();

  /** `appended`: called with the feeds to which a change has appended. `patience`: milliseconds. */
  constructor(database: Database, appended: (feeds: Iterable<FeedName>) => void, patience: number) {
    this.#database = database;
    this.#appended = appended;
    this.#lines = new Lines({ most: 1_000, patience });
  }

  async read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) throw absent();
    const reading = this.#reading.get(id) ?? new Set();
    this.#reading.set(id, reading);
    const own = this.#readInTurn(id, work);
    reading.add(own);
    try {
      return await own;
    } finally {
      reading.delete(own);
      if (reading.size === 0) this.#reading.delete(id);
    }
  }

  async write<Result>(id: string, how: How, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) throw absent();
    return this.#lines.within(id, () => this.#tryAgain(() => this.#database.session((session) => this.#write(session, id, how, work))));
  }

  async erase(id: string, work: (store: StoreReader<Rows>) => Promise<unknown>): Promise<void> {
    const before = this.#erasing.get(id);
    const readers = Promise.allSettled(this.#reading.get(id) ?? []);
    const erasing = this.write(id, "erase", async (store) => {
      await readers;
      return work(store);
    });
    const all = before === undefined ? erasing : Promise.allSettled([before, erasing]);
    this.#erasing.set(id, all);
    try {
      await erasing;
    } finally {
      if (this.#erasing.get(id) === all) this.#erasing.delete(id);
    }
  }

  async find(kind: PointerKind, name: string): Promise<string | undefined> {
    if (!isPointerName(name)) return undefined;
    return (await this.#database.query<[string]>(FIND, [kind, name])).rows[0]?.[0];
  }

  async findDue(now: number, limit: number): Promise<string[]> {
    return (await this.#database.query<[string]>(FIND_DUE, [Math.floor(now), limit])).rows.map(([id]) => id);
  }

  async list(after: string, limit: number): Promise<string[]> {
    return (await this.#database.query<[string]>(LIST, [after, limit])).rows.map(([id]) => id);
  }

  async #readInTurn<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    await this.#erasing.get(id)?.catch(() => {});
    return this.#tryAgain(() => this.#database.session((session) => this.#read(session, id, work)));
  }

  /** Two transactions that got in each other's way, or a connection that broke before anything was written: once more. */
  async #tryAgain<Result>(attempt: () => Promise<Outcome<Result>>): Promise<Result> {
    let broken = 0;
    for (let tries = 1; ; tries++) {
      const outcome = await attempt();
      if (!("again" in outcome)) {
        if (outcome.work.appends.length > 0) this.#appended(new Set(outcome.work.appends.map(([feed]) => feed)));
        return outcome.result;
      }
      // A database that went away has left the pool with connections that it doesn't know to be broken: one more try is worth it.
      if (tries === TRIES || (!isConflict(outcome.again) && ++broken > 1)) throw failure(outcome.again);
      await beforeNext(tries);
    }
  }

  async #read<Result>(session: Session, id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Outcome<Result>> {
    session.run(READ).catch(() => {});
    const opened = session.run(EXISTS, [id]).then(({ rows }) => {
      if (rows.length === 0) throw absent();
    });
    const reader = new Work<Rows>(session, id, opened);
    const done = await settled(opened, reader, work);
    session.rollBack();
    return this.#outcome(session, reader, done);
  }

  async #write<Result>(
    session: Session,
    id: string,
    how: How,
    work: (store: StoreWriter<Rows>) => Promise<Result>,
  ): Promise<Outcome<Result>> {
    session.run(WRITE).catch(() => {});
    let xid: string | undefined;
    const opened = session.run<[string]>(how === "create" ? MAKE : LOCK, [id]).then(({ rows }) => {
      xid = rows[0]?.[0];
      if (xid === undefined) throw how === "create" ? new StorageError("taken", "this store exists") : absent();
    });
    const writer = new Work<Rows>(session, id, opened);
    const done = await settled(opened, writer, work);
    if ("error" in done || session.fault !== undefined || xid === undefined) {
      session.rollBack();
      return this.#outcome(session, writer, done);
    }
    let sent: Array<Promise<Answer<unknown[]>>>;
    try {
      sent = how === "erase" ? sendErasure(session, id) : await write(session, id, writer);
    } catch (error) {
      session.rollBack();
      return this.#outcome(session, writer, { error });
    }
    if (sent.length === 0 && how === "change") {
      session.rollBack();
      return this.#outcome(session, writer, done);
    }
    if (await this.#commit(session, xid, sent)) return { result: done.result, work: writer };
    return this.#outcome(session, writer, { error: new StorageError("failed", "the database did not commit") });
  }

  /** True: it is durable. False: nothing of it was written. @throws {StorageError} where nobody can know */
  async #commit(session: Session, xid: string, sent: ReadonlyArray<Promise<unknown>>): Promise<boolean> {
    const [answer] = await Promise.allSettled([session.run("COMMIT"), ...sent]);
    if (answer.status === "fulfilled") return answer.value.command === "COMMIT";
    if (isAnswer(answer.reason)) return false;
    const committed = await this.#database.wasCommitted(xid, session.since);
    if (committed !== undefined) return committed;
    throw new StorageError(
      "failed",
      "the answer to a commit was lost, and the database can't be asked: nobody can know whether it was made",
    );
  }

  #outcome<Result>(session: Session, work: Work<Rows>, done: Done<Result>): Outcome<Result> {
    const { fault } = session;
    if (fault !== undefined) {
      if (isConflict(fault.cause) || !isAnswer(fault.cause)) return { again: fault.cause };
      throw failure(fault.cause);
    }
    if ("error" in done) throw done.error;
    return { result: done.result, work };
  }
}

const absent = (): StorageError => new StorageError("absent", "there is no such store");

type Done<Result> = { readonly result: Result } | { readonly error: unknown };

/** What came of the work; before that, whether there was a store for it. */
async function settled<Rows extends object, Result>(
  opened: Promise<void>,
  writer: Work<Rows>,
  work: (store: StoreWriter<Rows>) => Promise<Result>,
): Promise<Done<Result>> {
  opened.catch(() => {});
  let done: Done<Result>;
  try {
    done = { result: await work(writer) };
  } catch (error) {
    done = { error };
  } finally {
    writer.end();
  }
  try {
    await opened;
  } catch (error) {
    return { error };
  }
  return done;
}
