import { randomUUID } from "node:crypto";
import { Ongoing } from "../ongoing.ts";
import { assertLimit, isStoreId } from "../shapes.ts";
import type {
  Damage,
  DocumentName,
  FeedKind,
  FeedName,
  Figures,
  Medium,
  PointerKind,
  Storage,
  StoreReader,
  StoreWriter,
} from "../storage.ts";
import { within } from "../within.ts";
import { Bell } from "./bell.ts";
import type { Database } from "./database.ts";
import { Documents } from "./documents.ts";
import { Feeds } from "./feeds.ts";
import type { Statement } from "./session.ts";
import { ShortLived } from "./short-lived.ts";
import { Stores } from "./stores.ts";

/** Milliseconds that closing waits for what goes on. */
const PATIENCE = 30_000;
const CHECKED_WITHIN = 2_000;

/** A write: a standby answers, and so does a database whose commits wait for a standby that is gone. */
const CHECK: Statement = {
  name: "check",
  text: "INSERT INTO leases (name, holder, until) VALUES ('check', '', $1) ON CONFLICT (name) DO UPDATE SET until = excluded.until",
};

export interface PostgresStorageOptions {
  database: Database;
  now: () => number;
  /** Milliseconds between looks for what is over. */
  expiring: number;
  /** Milliseconds that a change waits for those before it. */
  patience: number;
}

/** The engine over PostgreSQL: any number of processes share one database. */
export class PostgresStorage<Rows extends object> implements Storage<Rows> {
  readonly isShared = true;
  readonly #database: Database;
  readonly #bell: Bell;
  readonly #stores: Stores<Rows>;
  readonly #feeds: Feeds;
  readonly #documents: Documents;
  readonly #shortLived: ShortLived;
  readonly #ongoing = new Ongoing();
  readonly #self = randomUUID();
  readonly #expiring: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  constructor({ database, now, expiring, patience }: PostgresStorageOptions) {
    this.#database = database;
    this.#bell = new Bell(database);
    this.#stores = new Stores(database, (feeds) => this.#bell.ring(feeds), patience);
    this.#feeds = new Feeds(database);
    this.#documents = new Documents(database, patience);
    this.#shortLived = new ShortLived(database, now);
    this.#expiring = setInterval(() => void this.#expire(expiring).catch(() => {}), expiring);
    this.#expiring.unref();
  }

  create<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    if (!isStoreId(id)) throw new TypeError("a store's id is 22 base64url characters");
    return this.#ongoing.run(() => this.#stores.write(id, "create", work));
  }

  read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result> {
    return this.#ongoing.run(() => this.#stores.read(id, work));
  }

  change<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result> {
    return this.#ongoing.run(() => this.#stores.write(id, "change", work));
  }

  find(kind: PointerKind, name: string): Promise<string | undefined> {
    return this.#ongoing.run(() => this.#stores.find(kind, name));
  }

  findDue(now: number, limit: number): Promise<string[]> {
    return this.#ongoing.run(() => this.#stores.findDue(now, limit));
  }

  erase(id: string, work: (store: StoreReader<Rows>) => Promise<unknown> = async () => {}): Promise<void> {
    return this.#ongoing.run(() => this.#stores.erase(id, work));
  }

  append(feed: FeedName, entries: readonly unknown[]): Promise<void> {
    return this.#ongoing.run(async () => {
      await this.#feeds.append(feed, entries);
      if (entries.length > 0) this.#bell.ring([feed]);
    });
  }

  readFeed(feed: FeedName, range: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>> {
    return this.#ongoing.run(() => this.#feeds.read(feed, range));
  }

  removeFromFeed(feed: FeedName, positions: readonly number[]): Promise<void> {
    return this.#ongoing.run(() => this.#feeds.remove(feed, positions));
  }

  listFeeds(kind: FeedKind, range: { after?: FeedName; limit: number }): Promise<FeedName[]> {
    return this.#ongoing.run(() => this.#feeds.list(kind, range));
  }

  watchFeeds(look: (feed: FeedName) => void): () => void {
    return this.#bell.listen(look);
  }

  listStores({ after = "", limit }: { after?: string; limit: number }): Promise<string[]> {
    return this.#ongoing.run(async () => {
      assertLimit(limit);
      return this.#stores.list(after, limit);
    });
  }

  listDocuments({ after = "", limit }: { after?: string; limit: number }): Promise<DocumentName[]> {
    return this.#ongoing.run(() => this.#documents.list(after, limit));
  }

  getDocument<Value>(name: DocumentName): Promise<Value | undefined> {
    return this.#ongoing.run(() => this.#documents.get(name)) as Promise<Value | undefined>;
  }

  putDocument<Value>(name: DocumentName, value: Value): Promise<void> {
    return this.#ongoing.run(() => this.#documents.put(name, value));
  }

  changeDocument<Value>(name: DocumentName, work: (value: Value | undefined) => Value | undefined): Promise<Value | undefined> {
    return this.#ongoing.run(() => this.#documents.change(name, work as (value: unknown) => unknown)) as Promise<Value | undefined>;
  }

  once(kind: string, key: string, until: number): Promise<boolean> {
    return this.#ongoing.run(() => this.#shortLived.once(kind, key, until));
  }

  putTicket<Value>(kind: string, name: string, value: Value, until: number): Promise<void> {
    return this.#ongoing.run(() => this.#shortLived.putTicket(kind, name, value, until));
  }

  getTicket<Value>(kind: string, name: string): Promise<Value | undefined> {
    return this.#ongoing.run(() => this.#shortLived.getTicket(kind, name)) as Promise<Value | undefined>;
  }

  takeTicket<Value>(kind: string, name: string): Promise<Value | undefined> {
    return this.#ongoing.run(() => this.#shortLived.takeTicket(kind, name)) as Promise<Value | undefined>;
  }

  count(key: string, window: number): Promise<{ count: number; resetsAt: number }> {
    return this.#ongoing.run(() => this.#shortLived.count(key, window));
  }

  hold(name: string, holder: string, duration: number): Promise<boolean> {
    return this.#ongoing.run(() => this.#shortLived.hold(name, holder, duration));
  }

  release(name: string, holder: string): Promise<void> {
    return this.#ongoing.run(() => this.#shortLived.release(name, holder));
  }

  medium(): Promise<Medium | null> {
    return this.#ongoing.run(async () => this.#database.medium);
  }

  check(): Promise<void> {
    return this.#ongoing.run(async () => {
      await within(CHECKED_WITHIN, this.#database.query(CHECK, [0]), "the database's answer");
    });
  }

  listDamaged(): readonly Damage[] {
    return [];
  }

  figures(): Figures {
    return this.#database.figures;
  }

  /** Waits for what is going on, and gives the connections back. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#expiring);
    await this.#ongoing.close(PATIENCE);
    await this.#bell.close();
    await this.#database.close();
  }

  /** One process for all. */
  async #expire(every: number): Promise<void> {
    await this.#ongoing.run(async () => {
      if (await this.#shortLived.hold("expire", this.#self, every * 2)) await this.#shortLived.expire();
    });
  }
}
