/**
 * The storage contract. An engine (file/, postgres/) implements it; endpoints and guards know nothing else.
 *
 * The unit of consistency is one customer's store: a few tables of JSON rows under string keys. Whatever a request changes
 * together lies in one store and becomes durable together, or not at all. Rows are plain JSON; what is handed out is a
 * copy or frozen: changing it changes nothing stored.
 *
 * A row's key is any string of at most 2 000 bytes in UTF-8; those that the server makes are ASCII. A feed's or a document's name has at
 * most 2 600 bytes, and neither NUL nor half a surrogate pair.
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
  /** Rows of all tables, ascending by table, then by key, behind `after`: for a copy of the whole store. `limit`: 1 to 100 000. */
  listAll(range: {
    after?: readonly [table: string, key: string];
    limit: number;
  }): Promise<Array<[table: string, key: string, row: unknown]>>;
  /** What leads to the store, and when work is due for it: for a copy of the whole store. */
  bearings(): Promise<Bearings>;
}

/** Where a store stands among the others: its names (see `StoreWriter.point`), and when work waits for it (see `StoreWriter.due`). */
export interface Bearings {
  readonly names: ReadonlyArray<readonly [kind: PointerKind, name: string]>;
  readonly due: number | null;
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
 * An ordered queue outside every store, to which changes of stores append: what a vendor has to be told (`events`), and which of its
 * grants have changed (`changes`). An entry outlives the store whose change it came with. Entries of one store's changes are in the
 * order of the changes.
 */
export type FeedName = `${FeedKind}/${string}`;
export type FeedKind = "events" | "changes";

/** A part of the medium that is damaged. Whoever needs it gets `corrupt`; nobody else is affected. */
export interface Damage {
  readonly kind: "store" | "document" | "feed" | "pointer" | "journal";
  /** The store's id, or the name of the rest. For the operator alone: an id is nobody else's. */
  readonly name: string;
  /** What is wrong and where, without any value. */
  readonly message: string;
}

/** What a random name outside any store leads to one: nothing that a vendor sees names a store. */
export type PointerKind = "grant" | "locator";

/** An engine over one deployment's data. Disposing of it waits for what is going on, and gives the medium back. */
export interface Storage<Rows extends object = object> extends AsyncDisposable {
  /**
   * Whether `once`, tickets, counts and leases outlive this process and are shared with others that use the same data. Where not, a
   * restart forgets them: for tickets that is a refusal; a caller of `once` must itself refuse what was made before the process started.
   */
  readonly isShared: boolean;
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
   * nothing of the store is in any file of the engine's, older versions and waiting changes included; a database server's own files follow
   * when it has cleaned up (see postgres/README.md). A crash on the way leaves the store whole, or erased when the next opening is over.
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
  /** Names of feeds of one kind that have entries, ascending, greater than `after`, at most `limit`. */
  listFeeds(kind: FeedKind, range: { after?: FeedName; limit: number }): Promise<FeedName[]>;
  /**
   * Calls `look` soon after any process has appended to a feed, with its name: at least once for some appends in a row, possibly for
   * nothing, and never surely: whoever must not miss one looks by itself from time to time. Answers how to stop.
   */
  watchFeeds(look: (feed: FeedName) => void): () => void;

  /** Ids of all stores, ascending, greater than `after`, at most `limit`. For copies of everything: it may cost what there is. */
  listStores(range: { after?: string; limit: number }): Promise<string[]>;
  /** Names of all documents, ascending, greater than `after`, at most `limit`. For copies of everything: it may cost what there is. */
  listDocuments(range: { after?: DocumentName; limit: number }): Promise<DocumentName[]>;

  /** A document outside every store: vendors' metadata, the server's keys, settings. JSON, durable when `putDocument` resolves. */
  getDocument<Value>(name: DocumentName): Promise<Value | undefined>;
  /** @throws {StorageError} `full`, `failed` */
  putDocument<Value>(name: DocumentName, value: Value): Promise<void>;
  /**
   * Puts what `work` makes of the document as it is, one at a time for each document, whichever process asks; answers what is there
   * afterwards. `undefined` from `work` changes nothing. `work` may be called again, so it has no effect outside. If it throws, nothing
   * changes and its error is passed on. @throws {StorageError} `full`, `failed`
   */
  changeDocument<Value>(name: DocumentName, work: (value: Value | undefined) => Value | undefined): Promise<Value | undefined>;

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
  /**
   * Takes or keeps something that one process does for all (`name`) for the next `duration` milliseconds. `holder`: who asks, unguessable.
   * False: another holds it. Who stops in between, or is slow, may find that another has taken it: what is done under a lease must bear
   * being done twice.
   */
  hold(name: string, holder: string, duration: number): Promise<boolean>;
  /** Gives it back early; another's is left alone. */
  release(name: string, holder: string): Promise<void>;
  /** Which medium this is, where the engine can tell. Absent, or null: it can't. @throws {StorageError} `failed` */
  medium?(): Promise<Medium | null>;
  /** Whether the medium answers now and takes writes: for readiness. @throws {StorageError} `full`, `failed`; within 2 s */
  check(): Promise<void>;
  /**
   * What can't be read as it was written, as far as this process has noticed: for metrics, and for the operator, who puts it back from a
   * copy. Everything else works. None for an engine whose database checks for itself.
   */
  listDamaged(): readonly Damage[];
  /** Stores that may be as of earlier, where the engine can have such: see `Doubts`. */
  readonly doubts?: Doubts;
  /** Numbers of this moment for the operator's metrics; cheap. Absent: it has none. */
  figures?(): Figures;
}

/**
 * Where each store is a file of its own: stores whose file was damaged or is gone. One that can be read all the same was put back by hand,
 * and what was taken back since then is not in it. Whoever uses the engine brings such a store into order before anything else, then settles
 * the doubt. Durable.
 */
export interface Doubts {
  has(id: string): boolean;
  /** Of one that is not there, though a name leads to it. @throws {StorageError} `full`, `failed` */
  add(id: string): Promise<void>;
  /** @throws {StorageError} `failed` */
  settle(id: string): Promise<void>;
}

/** Connections of this process to a database, and who waits for one; a journal's files, and the bytes of the one that is written to. */
export type Figure = "connections" | "connectionsIdle" | "connectionsWaiting" | "journalFiles" | "journalBytes";
export type Figures = Readonly<Partial<Record<Figure, number>>>;

/**
 * Tells a medium from a copy of it that was made beside us. `place`: names it among all others; `timeline`: counts how often it went on from
 * an earlier state of itself (a point-in-time recovery, a standby that was promoted).
 */
export interface Medium {
  readonly place: string;
  readonly timeline: number;
}

/** Names of the documents outside every store. `changes`: see `server/store/changes.ts`; `life`: see `server/life.ts`. */
export type DocumentName =
  | `vendors/${string}`
  | `streams/${string}`
  | `changes/${string}`
  | "keys"
  | "nonces"
  | "life"
  | "import"
  | "settings";

/** `full`: no room left; `failed`: the medium failed, nothing was changed, or nobody can know any more whether it was; `locked`: another process has it; `layout`, `corrupt`: it can't be opened as it is. */
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
