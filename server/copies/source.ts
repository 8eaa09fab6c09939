import { type Bearings, type DocumentName, type FeedKind, type FeedName, type Storage, StorageError } from "../storage/storage.ts";
import type { Header, StoreRow } from "./format.ts";

/** Takes a store as it is read. `begin` may come again: then what came since the last one counts no more. */
export interface StoreTaker {
  begin(): Promise<void>;
  take(rows: readonly StoreRow[]): Promise<void>;
  end(bearings: Bearings): Promise<void>;
}

/** What a copy is made of: an opened storage, or a running server that is asked. */
export interface CopySource {
  readonly engine: Header["engine"];
  listDocuments(after: string | undefined): Promise<string[]>;
  getDocument(name: string): Promise<unknown>;
  listStores(after: string | undefined): Promise<string[]>;
  /** One moment of a store. False: it is gone. */
  readStore(id: string, taker: StoreTaker): Promise<boolean>;
  listFeeds(kind: FeedKind, after: string | undefined): Promise<string[]>;
  readFeed(feed: string, after: number): Promise<Array<[position: number, entry: unknown]>>;
}

/** How many names or entries are asked for at once. */
const NAMES = 1000;
/** Rows at once: each may be as large as a record. */
const ROWS = 200;

type Copied = Pick<Storage, "listDocuments" | "getDocument" | "listStores" | "read" | "listFeeds" | "readFeed" | "doubts">;

export const storageSource = (storage: Copied, engine: Header["engine"]): CopySource => ({
  engine,
  listDocuments: (after) => storage.listDocuments({ limit: NAMES, ...(after === undefined ? {} : { after: after as DocumentName }) }),
  getDocument: (name) => storage.getDocument(name as DocumentName),
  listStores: (after) => storage.listStores({ limit: NAMES, ...(after === undefined ? {} : { after }) }),
  readStore: (id, taker) => readStore(storage, id, taker),
  listFeeds: (kind, after) => storage.listFeeds(kind, { limit: NAMES, ...(after === undefined ? {} : { after: after as FeedName }) }),
  readFeed: (feed, after) => storage.readFeed(feed as FeedName, { after, limit: NAMES }),
});

async function readStore(storage: Copied, id: string, taker: StoreTaker): Promise<boolean> {
  // In a copy nobody would know that its grants have to be paused.
  if (storage.doubts?.has(id) === true)
    throw new StorageError("corrupt", "it was damaged or lost: put its file back, and let a server start that brings it into order");
  try {
    await storage.read(id, async (store) => {
      await taker.begin();
      for (let after: readonly [string, string] | undefined; ; ) {
        const rows = await store.listAll({ limit: ROWS, ...(after === undefined ? {} : { after }) });
        if (rows.length > 0) await taker.take(rows);
        const last = rows.at(-1);
        if (last === undefined || rows.length < ROWS) break;
        after = [last[0], last[1]];
      }
      await taker.end(await store.bearings());
    });
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === "absent") return false;
    throw error;
  }
}

/** Everything that `list` names, page by page. */
export async function* all(list: (after: string | undefined) => Promise<string[]>): AsyncGenerator<string> {
  let after: string | undefined;
  for (;;) {
    const page = await list(after);
    yield* page;
    after = page.at(-1);
    if (after === undefined) return;
  }
}
