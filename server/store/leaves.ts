import { createHash } from "node:crypto";
import { BUCKETS, EMPTY_BUCKET, hashOfBucket, hashOfLeaf, type Leaf, rootOf } from "#protocol/head.ts";
import { type LeafRow, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";

type Kind = Leaf["kind"];

const bucketName = (path: string): string => createHash("sha256").update(path).digest("hex").slice(0, 2);
/** Key of a leaf: its bucket, kind and path. */
export const leafKey = (kind: Kind, path: string): string => `${bucketName(path)}/${kind}/${path}`;

export const leafAt = (store: StoreReader<Rows>, kind: Kind, path: string): Promise<LeafRow | undefined> =>
  store.get("leaves", leafKey(kind, path));

interface Change {
  kind: Kind;
  path: string;
  leaf: Leaf | undefined;
  share?: number;
}

/** The leaves that one commit sets or drops. */
export class LeafChanges {
  readonly #changes = new Map<string, Change>();

  /** @param share a share's position in its grant */
  set(leaf: Leaf, share?: number): void {
    this.#changes.set(leafKey(leaf.kind, leaf.path), { kind: leaf.kind, path: leaf.path, leaf, ...(share === undefined ? {} : { share }) });
  }

  drop(kind: Kind, path: string): void {
    this.#changes.set(leafKey(kind, path), { kind, path, leaf: undefined });
  }

  has(kind: Kind, path: string): boolean {
    return this.#changes.has(leafKey(kind, path));
  }

  /** Makes them, moves their lines in the feed to `position`, and answers the new root: reads only the buckets that are touched. */
  async apply(store: StoreWriter<Rows>, position: number): Promise<string> {
    const touched = new Map<string, Array<[string, Change]>>();
    for (const entry of this.#changes) {
      const bucket = entry[0].slice(0, 2);
      const changes = touched.get(bucket);
      if (changes === undefined) touched.set(bucket, [entry]);
      else changes.push(entry);
    }
    const before = new Map<string, Map<string, LeafRow>>();
    for (const bucket of touched.keys()) before.set(bucket, new Map(await store.list("leaves", { prefix: `${bucket}/`, limit: 100_000 })));
    for (const [bucket, changes] of touched) {
      const rows = before.get(bucket) as Map<string, LeafRow>;
      for (const [key, { kind, path, leaf, ...place }] of changes) {
        const old = rows.get(key);
        if (old !== undefined) store.delete("feed", `${ordered(old.position)}/${kind}/${path}`);
        if (leaf === undefined) {
          rows.delete(key);
          store.delete("leaves", key);
        } else {
          const row: LeafRow = { version: leaf.version, hash: leaf.hash, leaf: await hashOfLeaf(leaf), position, ...place };
          rows.set(key, row);
          store.put("leaves", key, row);
          store.put("feed", `${ordered(position)}/${kind}/${path}`, {});
        }
      }
      if (rows.size === 0) store.delete("buckets", bucket);
      else store.put("buckets", bucket, { hash: await hashOfBucket([...rows.values()].map(({ leaf }) => leaf)) });
    }
    const buckets = new Map(await store.list("buckets", { limit: BUCKETS }));
    return rootOf(Array.from({ length: BUCKETS }, (_, at) => buckets.get(at.toString(16).padStart(2, "0"))?.hash ?? EMPTY_BUCKET));
  }
}
