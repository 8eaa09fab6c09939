import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Storage } from "../storage/storage.ts";
import { CopyError } from "./copy-error.ts";
import { isLeftOut, type Part, stable } from "./format.ts";
import { readCopy } from "./read-copy.ts";
import { all, type CopySource, storageSource } from "./source.ts";
import { StoreDigest } from "./store-digest.ts";
import type { Checked } from "./verify-copy.ts";

const differs = (what: string): CopyError => new CopyError("differs", `what was read back is not what was written: ${what}`);

/** Reads a storage back against the copy that was brought into it: every document, store and feed, and nothing besides. @throws {CopyError} `differs` */
export async function readBack(file: FileHandle, storage: Storage, { counts }: Checked): Promise<void> {
  const source = storageSource(storage, "embedded");
  let feed = createHash("sha256");
  for await (const { part } of readCopy(file)) {
    if (part === undefined || "end" in part) continue;
    if ("feed" in part) {
      if (part.feed.part === 1) feed = createHash("sha256");
      growBy(feed, part.feed.entries);
      if (part.feed.end !== undefined && (await feedDigest(source, part.feed.name)) !== feed.digest("base64url"))
        throw differs(`the feed ${part.feed.name}`);
    } else await compare(source, part);
  }
  const found = {
    documents: await count((after) => source.listDocuments(after), isLeftOut),
    stores: await count((after) => source.listStores(after)),
    feeds: (await count((after) => source.listFeeds("changes", after))) + (await count((after) => source.listFeeds("events", after))),
  };
  for (const what of ["documents", "stores", "feeds"] as const)
    if (found[what] !== counts[what]) throw differs(`${found[what]} ${what}, for ${counts[what]}`);
}

async function compare(source: CopySource, part: Exclude<Part, { feed: unknown } | { end: unknown }>): Promise<void> {
  if ("document" in part) {
    if (stable(await source.getDocument(part.document.name)) !== stable(part.document.value))
      throw differs(`the document ${part.document.name}`);
  } else if (part.store.end !== undefined && (await storeDigest(source, part.store.id)) !== part.store.end.sha256)
    throw differs(`the store ${part.store.id}`);
}

/** The hash that stands for a store as it is; undefined: there is none. */
export async function storeDigest(source: CopySource, id: string): Promise<string | undefined> {
  let digest = new StoreDigest();
  let hash: string | undefined;
  await source.readStore(id, {
    async begin() {
      digest = new StoreDigest();
    },
    async take(rows) {
      for (const row of rows) digest.add(row);
    },
    async end(bearings) {
      hash = digest.end(bearings);
    },
  });
  return hash;
}

async function feedDigest(source: CopySource, name: string): Promise<string> {
  const hash = createHash("sha256");
  for (let after = 0; ; ) {
    const page = await source.readFeed(name, after);
    growBy(hash, page);
    const last = page.at(-1);
    if (last === undefined) return hash.digest("base64url");
    after = last[0];
  }
}

function growBy(hash: Hash, entries: ReadonlyArray<readonly [position: number, entry: unknown]>): void {
  for (const [, entry] of entries) hash.update(stable(entry)).update("\n");
}

async function count(
  list: (after: string | undefined) => Promise<string[]>,
  isNone: (name: string) => boolean = () => false,
): Promise<number> {
  let found = 0;
  for await (const name of all(list)) if (!isNone(name)) found++;
  return found;
}
