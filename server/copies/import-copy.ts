import type { FileHandle } from "node:fs/promises";
import { importedLife, type Life, newLife } from "../life.ts";
import { type DocumentName, type FeedName, type Storage, StorageError, type StoreWriter } from "../storage/storage.ts";
import { type ChangesDocument, changesDocumentOf } from "../store/changes.ts";
import { CopyError } from "./copy-error.ts";
import type { Part } from "./format.ts";
import type { Progress } from "./progress.ts";
import { readBack } from "./read-back.ts";
import { type Read, readCopy } from "./read-copy.ts";
import { type Checked, checkCopy } from "./verify-copy.ts";

/** The document "import": which copy is being brought here, and which line of it is there for good. */
export interface ImportState {
  readonly copy: string;
  readonly line: number;
  readonly done: boolean;
}

export interface ImportOrder {
  readonly file: FileHandle;
  readonly storage: Storage;
  /** Whether what was given in the copy may have been taken back since: then every grant is paused. */
  readonly restored: boolean;
  readonly now: () => number;
  readonly progress: Progress;
}

/** Small stores that are brought at once, and how much of them (characters). */
const AT_ONCE = 32;
const MUCH = 8_000_000;

/**
 * Brings a copy into an empty storage, or goes on with the same copy where that was cut; then reads everything back. No server runs on
 * it meanwhile: one that is started refuses. Nothing is written before the whole copy has been read and found good.
 * @throws {CopyError} as `readCopy`; `full`, `other`, `differs`; {StorageError}
 */
export async function importCopy(order: ImportOrder): Promise<Checked & { life: Life }> {
  const { file, storage, progress } = order;
  const checked = await checkCopy(file);
  const from = await beginAt(storage, checked.hash);
  progress.begin(checked.counts.stores);
  await bring(order, checked, from);
  await readBack(file, storage, checked);
  const life = lifeAfter(order, checked, (await storage.medium?.()) ?? null);
  await storage.putDocument<Life>("life", life);
  await storage.putDocument<ImportState>("import", { copy: checked.hash, line: checked.lines, done: true });
  progress.end();
  return { ...checked, life };
}

function lifeAfter({ restored, now }: ImportOrder, { header }: Checked, medium: Life["medium"]): Life {
  const life = importedLife(header.life ?? newLife(null), medium);
  return restored ? { ...life, restores: life.restores + 1, restored: now(), from: Date.parse(header.made) } : life;
}

/** After which line to go on. @throws {CopyError} `full`, `other` */
async function beginAt(storage: Storage, copy: string): Promise<number> {
  const state = await storage.getDocument<ImportState>("import");
  if (state !== undefined && !state.done) {
    if (state.copy === copy) return state.line;
    throw new CopyError("other", "another copy was being imported here and was cut: go on with that file, or take an empty storage");
  }
  const documents = await storage.listDocuments({ limit: 1 });
  const stores = await storage.listStores({ limit: 1 });
  if (documents.length + stores.length > 0)
    throw new CopyError("full", "there is something in this storage already: a copy goes into an empty one");
  await storage.putDocument<ImportState>("import", { copy, line: 0, done: false });
  return 0;
}

type StorePart = Extract<Part, { store: unknown }>["store"];
type FeedPart = Extract<Part, { feed: unknown }>["feed"];

async function bring({ file, storage, progress }: ImportOrder, checked: Checked, from: number): Promise<void> {
  const copy = checked.hash;
  let waiting: StorePart[] = [];
  let much = 0;
  let marked = from;
  // What is behind the mark may be there in part: it is made anew.
  const resumes = from > 0 || (await storage.listStores({ limit: 1 })).length > 0;
  const settle = async (line: number, isMark: boolean): Promise<void> => {
    await Promise.all(waiting.map((store) => bringStore(storage, store, resumes)));
    [waiting, much] = [[], 0];
    if (!isMark || line <= marked) return;
    marked = line;
    await storage.putDocument<ImportState>("import", { copy, line, done: false });
  };
  let seen: Read | undefined;
  for await (const read of readCopy(file)) {
    const { part, line } = read;
    const size = read.end - (seen?.end ?? 0);
    seen = read;
    progress.step(read.counts.stores, read.end);
    if (line > from && part !== undefined) {
      if ("document" in part) await storage.putDocument(part.document.name as DocumentName, part.document.value);
      else if ("store" in part) {
        const isWhole = part.store.part === 1 && part.store.end !== undefined;
        if (isWhole) {
          waiting.push(part.store);
          much += size;
        } else {
          await settle(line - 1, part.store.part === 1);
          await bringStore(storage, part.store, resumes);
        }
        if (waiting.length >= AT_ONCE || much > MUCH || (!isWhole && part.store.end !== undefined)) await settle(line, true);
      } else if ("feed" in part) {
        await settle(line - 1, part.feed.part === 1);
        await bringFeed(storage, part.feed);
        if (part.feed.end === undefined) continue;
        if (part.feed.name.startsWith("changes/")) await beginAnew(storage, part.feed.name as FeedName);
        await settle(line, true);
      }
    }
  }
  if (seen?.hash !== checked.hash) throw new CopyError("changed", "the copy was changed while it was being imported");
  await settle(checked.lines - 1, true);
}

async function bringStore(storage: Storage, { id, part, rows, end }: StorePart, mayBeThere: boolean): Promise<void> {
  const write = async (store: StoreWriter<Record<string, unknown>>): Promise<void> => {
    for (const [table, key, row] of rows) store.put(table, key, row);
    if (end === undefined) return;
    for (const [kind, name] of end.names) store.point(kind, name);
    if (end.due !== null) store.due(end.due);
  };
  const stores = storage as Storage<Record<string, unknown>>;
  if (part > 1) return stores.change(id, write);
  if (mayBeThere)
    await stores.erase(id).catch((error: unknown) => {
      if (!(error instanceof StorageError && error.code === "absent")) throw error;
    });
  return stores.create(id, write);
}

/** Positions are new: what a cut import left of it goes first. */
async function bringFeed(storage: Storage, { name, part, entries }: FeedPart): Promise<void> {
  const feed = name as FeedName;
  for (let left = part === 1; left; ) {
    const old = await storage.readFeed(feed, { limit: 1000 });
    if (old.length > 0)
      await storage.removeFromFeed(
        feed,
        old.map(([position]) => position),
      );
    left = old.length > 0;
  }
  for (let at = 0; at < entries.length; at += 1000)
    await storage.append(
      feed,
      entries.slice(at, at + 1000).map(([, entry]) => entry),
    );
}

/** What an entry says of positions in grants, a reader that begins with this life can't go by: it reads every grant whole. */
async function beginAnew(storage: Storage, feed: FeedName): Promise<void> {
  let [kept, last] = [0, 0];
  for (;;) {
    const page = await storage.readFeed(feed, { after: last, limit: 1000 });
    if (page.length === 0) break;
    kept += page.length;
    last = page.at(-1)?.[0] ?? last;
  }
  const document: ChangesDocument = { compacted: last, superseding: last, dropped: 0, kept, last };
  await storage.putDocument(changesDocumentOf(feed), document);
}
