/**
 * The storage contract. An engine (file/, later postgres/) implements it; endpoints and guards know nothing else.
 *
 * The unit of consistency is one customer's store: a few tables of JSON rows under string keys. Whatever a request changes
 * together lies in one store and becomes durable together, or not at all. Rows are plain JSON; what is handed out is a
 * copy or frozen: changing it changes nothing stored.
 *
 * Inside `work` nothing calls `create`, `read` or `change` for the same store: it would wait for itself. Tickets and pointers
 * may be looked up there; what they say is not part of the work's moment.
 */

/** Reads one store. Every answer is of one moment and durable by the time the surrounding `read` or `change` resolves. */
export interface StoreReader<Rows extends object> {
  /** The row under `key`, or undefined. */
  get<T extends keyof Rows & string>(table: T, key: string): Promise<Rows[T] | undefined>;
  /** Rows in ascending order of key (by UTF-16 code unit), at most `limit`, only keys that start with `prefix` and are greater than `after`. */
  list<T extends keyof Rows & string>(table: T, range: Range): Promise<Array<[key: string, row: Rows[T]]>>;
}

/** Which rows `list` gives. */
export interface Range {
  prefix?: string;
  after?: string;
  /** 1 to 100 000 */
  limit: number;
}

/** Reads and changes one store. A change is seen by later reads of the same work. */
export interface StoreWriter<Rows extends object> extends StoreReader<Rows> {
  /** Sets a row; it is copied at once. */
  put<T extends keyof Rows & string>(table: T, key: string, row: Rows[T]): void;
  /** Deletes a row; one that isn't there is no fault. */
  delete<T extends keyof Rows & string>(table: T, key: string): void;
  /**
   * Makes `name` lead to this store, together with the rest of the change (see `Storage.find`).
   * @throws {StorageError} `taken`, when the change is made, if the name already leads to another store
   */
  point(kind: PointerKind, name: string): void;
  /** Makes `name` lead nowhere, if it leads to this store; another store's name, or one that leads nowhere, stays as it is. */
  unpoint(kind: PointerKind, name: string): void;
  /**
   * Work waits for this store from `at` on (epoch milliseconds), together with the rest of the change; null: none waits any more. One
   * time for each store: the last one said.
   */
  due(at: number | null): void;
  /** Adds an entry to the end of a feed, together with the rest of the change. JSON; it is copied at once. */
  append(feed: FeedName, entry: unknown): void;
}

/**
 * An ordered queue outside every store, to which changes of stores append: what a vendor has to be told. An entry outlives the store
 * whose change it came with.
 */
export type FeedName = `events/${string}`;

/** What a random name outside any store leads to one: nothing that a vendor sees names a store. */
export type PointerKind = "grant" | "locator";

/** An engine over one deployment's data. Disposing of it waits for what is going on, and gives the medium back. */
export interface Storage<Rows extends object = object> extends AsyncDisposable {
  /**
   * Makes a new store. `id`: 22 base64url characters. Otherwise as `change`.
   * @throws {TypeError} on another id
   * @throws {StorageError} `taken` if it exists, `full`, `failed`
   */
  create<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result>;
  /**
   * What `work` answers, once all that it has seen is durable. `work` may be called again, as in `change`.
   * @throws {StorageError} `absent` if there is no such store, `failed`
   */
  read<Result>(id: string, work: (store: StoreReader<Rows>) => Promise<Result>): Promise<Result>;
  /**
   * All or nothing, one at a time for each store; resolves when the change is durable. If `work` throws, nothing changes and
   * its error is passed on. `work` may be called again (an engine that must retry), so it has no effect outside the store.
   * @throws {StorageError} `absent`, `taken` (see `point`), `full`, `failed`
   */
  change<Result>(id: string, work: (store: StoreWriter<Rows>) => Promise<Result>): Promise<Result>;
  /** The store that `name` leads to, or undefined. */
  find(kind: PointerKind, name: string): Promise<string | undefined>;
  /**
   * Ids of stores for which work is due at `now` (see `StoreWriter.due`), earliest first, at most `limit`. What it says is of no moment
   * of theirs: look again inside `change` or `erase`. Costs what is due; once after an opening, also what is waiting.
   */
  findDue(now: number, limit: number): Promise<string[]>;
  /**
   * Erases a store: its rows, every name that leads to it, what is due for it. `work` looks at it before, in the same moment: if it
   * throws, nothing changes and its error is passed on. Whoever waits for the store, or comes after, gets `absent`. When this resolves,
   * nothing of the store is in any file of the engine's, older versions and waiting changes included. A crash on the way leaves the
   * store whole, or erased when the next opening is over.
   * @throws {StorageError} `absent`; `full`, `failed`: it is whole; or it is absent for everyone but the medium still has some of it:
   * then another call goes on with it, as the engine does by itself
   */
  erase(id: string, work?: (store: StoreReader<Rows>) => Promise<unknown>): Promise<void>;

  /** Adds entries to a feed outside any store's change. @throws {StorageError} `full`, `failed` */
  append(feed: FeedName, entries: readonly unknown[]): Promise<void>;
  /**
   * Durable entries behind the position `after`, at most `limit`, in the order of their positions: ascending numbers from 1, never used
   * twice in one feed, also after a restart and when all was taken out. Nothing ever shows up behind a position that was answered
   * before. Costs what it answers, not what the feed holds.
   */
  readFeed(feed: FeedName, range: { after?: number; limit: number }): Promise<Array<[position: number, entry: unknown]>>;
  /** Takes entries out, durably; those that aren't there are no fault. Soon afterwards no file of the engine's holds them. @throws {StorageError} `full`, `failed` */
  removeFromFeed(feed: FeedName, positions: readonly number[]): Promise<void>;
  /** Names of feeds that have entries, ascending, greater than `after`, at most `limit`. */
  listFeeds(range: { after?: FeedName; limit: number }): Promise<FeedName[]>;

  /** A document outside every store: vendors' metadata, the server's keys, settings. JSON, durable when `putDocument` resolves. */
  getDocument<Value>(name: DocumentName): Promise<Value | undefined>;
  /** @throws {StorageError} `full`, `failed` */
  putDocument<Value>(name: DocumentName, value: Value): Promise<void>;

  /**
   * True the first time that `key` is used within its life, false ever after until it ends: nonces, DPoP and assertion jti.
   * `until`: epoch milliseconds. Kept by time, never by count. Shared by all processes of one deployment.
   */
  once(kind: string, key: string, until: number): Promise<boolean>;
  /** A short-lived value under an unguessable name: pushed requests, codes, challenges. `until`: epoch milliseconds. */
  putTicket<Value>(kind: string, name: string, value: Value, until: number): Promise<void>;
  getTicket<Value>(kind: string, name: string): Promise<Value | undefined>;
  /** Takes it: of any number of callers exactly one gets the value. */
  takeTicket<Value>(kind: string, name: string): Promise<Value | undefined>;
  /**
   * Counts an event under `key` in a fixed window; answers how many there were in this window, this one included.
   * `window`: milliseconds. For rate limits.
   */
  count(key: string, window: number): Promise<{ count: number; resetsAt: number }>;
}

/** Names of the documents outside every store. */
export type DocumentName = `vendors/${string}` | `streams/${string}` | "keys" | "settings";

/** `full`: no room left; `failed`: the medium failed, nothing was changed; `locked`: another process has it; `layout`, `corrupt`: it can't be opened as it is. */
export type StorageCode = "absent" | "taken" | "full" | "failed" | "locked" | "layout" | "corrupt";

/** Why storage refused or failed. The message names no row and no value. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageCode;
  constructor(code: StorageCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
