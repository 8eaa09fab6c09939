import { constants } from "node:fs";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { instant, randomText } from "../digest.ts";
import type { Life } from "../life.ts";
import { StorageError } from "../storage/storage.ts";
import { CopyError } from "./copy-error.ts";
import { CopyWriter, type Place, START } from "./copy-writer.ts";
import { COPY_TYPE, type Counts, type Header, isLeftOut, PART, stable } from "./format.ts";
import type { Packing } from "./frames.ts";
import type { Progress } from "./progress.ts";
import { type Read, readCopy } from "./read-copy.ts";
import { all, type CopySource } from "./source.ts";

export interface CopyOrder {
  readonly source: CopySource;
  /** Where it will be, once it is whole: until then it is beside that, as `<to>.part`. */
  readonly to: string;
  readonly packing: Packing;
  /** Goes on with a part that was cut. */
  readonly resume: boolean;
  /** Whether a store that can't be read any more is left out, or ends the copy. */
  readonly leaveDamaged: boolean;
  readonly now: () => number;
  readonly progress: Progress;
}

export interface Copied {
  readonly header: Header;
  readonly counts: Counts;
  /** Of the last line: stands for all. */
  readonly hash: string;
  readonly size: number;
  /** Stores that are damaged, and so not in it. */
  readonly left: readonly string[];
}

/**
 * Copies a whole deployment into a file that only its owner can read. Each store in it is one of its states, at or after the beginning;
 * feeds come last, so that nothing that a store knows is missing in them.
 * @throws {CopyError} `full` where the file is there already, `other` where the cut one is of another deployment
 */
export async function writeCopy(order: CopyOrder): Promise<Copied> {
  const { source, to, progress } = order;
  if (await isThere(to)) throw new CopyError("full", `${to} is there already: name another file`);
  const part = `${to}.part`;
  if (!order.resume && (await isThere(part)))
    throw new CopyError("full", `${part} is there, from a copy that was cut: go on with it by --resume, or remove it`);
  const life = await lifeOf(source);
  // What somebody else has put there under this name is not followed, nor kept open to others.
  const file = await open(part, order.resume && (await isThere(part)) ? constants.O_RDWR | constants.O_NOFOLLOW : "wx+", 0o600);
  try {
    await file.chmod(0o600);
    const begun = await begin(order, file, life);
    const { writer } = begun;
    await writeDocuments(source, writer, begun.last);
    const left = await writeStores(order, writer, begun.last);
    for (const kind of ["changes", "events"] as const)
      for await (const name of all((after) => source.listFeeds(kind, after)))
        if (!isDone(begun.last, 2, name)) await writeFeed(source, writer, name);
    await writer.line(stable({ end: writer.place.counts }));
    await file.sync();
    const { counts, hash, size } = writer.place;
    await rename(part, to);
    await syncFolder(dirname(to));
    progress.end();
    return { header: begun.header, counts, hash, size, left };
  } finally {
    await file.close();
  }
}

/** Kind (documents, stores, feeds) and name of the last thing that is whole. */
type Last = readonly [kind: number, name: string];
interface Begun {
  readonly writer: CopyWriter;
  readonly header: Header;
  readonly last: Last;
}

async function begin({ source, packing, now }: CopyOrder, file: FileHandle, life: Header["life"]): Promise<Begun> {
  const whole = await wholeOf(file);
  if (whole !== undefined) {
    const { header, place, last } = whole;
    if (header.life?.id !== life?.id || header.engine !== source.engine)
      throw new CopyError(
        "other",
        "the copy that was cut is of another deployment, or of before it was restored: remove it, and begin anew",
      );
    await file.truncate(place.size);
    return { writer: new CopyWriter(file, await packingOf(file), place), header, last };
  }
  await file.truncate(0);
  const header: Header = { type: COPY_TYPE, id: randomText(16), made: instant(now()), engine: source.engine, life };
  const writer = new CopyWriter(file, packing, START);
  await writer.line(stable(header));
  return { writer, header, last: [0, ""] };
}

/** What of a cut copy is whole; undefined: nothing. */
async function wholeOf(file: FileHandle): Promise<{ header: Header; place: Place; last: Last } | undefined> {
  let whole: { header: Header; place: Place; last: Last } | undefined;
  try {
    for await (const read of readCopy(file)) {
      const last = endedBy(read);
      if (last !== undefined) whole = { header: read.header, place: { size: read.end, hash: read.hash, counts: read.counts }, last };
    }
  } catch (error) {
    // What a cut leaves is whole lines, then a piece of one; a power cut may leave worse, behind what was whole.
    if (!(error instanceof CopyError) || error.code === "newer") throw error;
  }
  return whole;
}

function endedBy({ part }: Read): Last | undefined {
  if (part === undefined) return [0, ""];
  if ("document" in part) return [0, part.document.name];
  if ("store" in part) return part.store.end && [1, part.store.id];
  if ("feed" in part) return part.feed.end && [2, part.feed.name];
  return undefined;
}

const isDone = ([kind, last]: Last, now: number, name: string): boolean => now < kind || (now === kind && name <= last);

async function packingOf(file: FileHandle): Promise<Packing> {
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return buffer[0] === 0x1f && buffer[1] === 0x8b ? "gzip" : "plain";
}

async function writeDocuments(source: CopySource, writer: CopyWriter, last: Last): Promise<void> {
  for await (const name of all((after) => source.listDocuments(after))) {
    if (isLeftOut(name) || isDone(last, 0, name)) continue;
    const value = await source.getDocument(name);
    if (value !== undefined) await writer.line(stable({ document: { name, value } }), { documents: 1 });
  }
}

/** Answers the damaged ones that it left out. */
async function writeStores({ source, progress, leaveDamaged }: CopyOrder, writer: CopyWriter, last: Last): Promise<string[]> {
  const left: string[] = [];
  let total = 0;
  for await (const _ of all((after) => source.listStores(after))) total++;
  progress.begin(total);
  for await (const id of all((after) => source.listStores(after))) {
    if (!isDone(last, 1, id)) {
      const before = writer.place;
      const isWhole = await source.readStore(id, writer.store(id)).catch((error: unknown) => {
        if (!(leaveDamaged && error instanceof StorageError && error.code === "corrupt")) throw error;
        left.push(id);
        return false;
      });
      // One that was erased meanwhile leaves nothing behind.
      if (!isWhole) await writer.takeBack(before);
    }
    progress.step(writer.place.counts.stores, writer.place.size);
  }
  return left;
}

async function writeFeed(source: CopySource, writer: CopyWriter, name: string): Promise<void> {
  let part = 0;
  let count = 0;
  let waiting: string[] = [];
  let size = 0;
  const write = async (isLast: boolean): Promise<void> => {
    part++;
    const end = isLast ? `"end":{"entries":${count}},` : "";
    const json = `{"feed":{${end}"entries":[${waiting.join(",")}],"name":${JSON.stringify(name)},"part":${part}}}`;
    [waiting, size] = [[], 0];
    await writer.line(json, isLast ? { feeds: 1, entries: count } : {});
  };
  for (let after = 0; ; ) {
    const page = await source.readFeed(name, after);
    for (const entry of page) {
      if (size > PART) await write(false);
      const text = stable(entry);
      waiting.push(text);
      size += text.length;
      count++;
      after = entry[0];
    }
    if (page.length === 0) break;
  }
  if (count > 0) await write(true);
}

async function lifeOf(source: CopySource): Promise<Header["life"]> {
  const state = (await source.getDocument("import")) as { done?: boolean } | undefined;
  if (state !== undefined && state.done !== true)
    throw new CopyError("other", "an import into this storage was cut: finish it first, with the file that it was begun with");
  const life = (await source.getDocument("life")) as Life | undefined;
  if (life === undefined) return null;
  const { id, restores, restored, from } = life;
  return { id, restores, restored, from };
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
