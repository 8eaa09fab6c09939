import { BUCKETS, bucketOf, EMPTY_BUCKET, hashOfBucket, hashOfLeaf, type Leaf, rootOf } from "#protocol/head.ts";

/** The leaves under a head's root, by bucket, and the hash of each bucket. Never changed in place: a refused change costs nothing. */
export interface Tree {
  /** Leaf hash by `kind path`. */
  readonly buckets: ReadonlyArray<ReadonlyMap<string, string>>;
  readonly hashes: readonly string[];
}

const nothing: ReadonlyMap<string, string> = new Map();
export const EMPTY_TREE: Tree = {
  buckets: Array.from({ length: BUCKETS }, () => nothing),
  hashes: Array.from({ length: BUCKETS }, () => EMPTY_BUCKET),
};

const keyOf = ({ kind, path }: Pick<Leaf, "kind" | "path">): string => `${kind} ${path}`;

/** The tree with leaves put and dropped: costs what changes. */
export async function grow(tree: Tree, put: readonly Leaf[], drop: ReadonlyArray<Pick<Leaf, "kind" | "path">>): Promise<Tree> {
  const [puts, drops] = await Promise.all([
    Promise.all(put.map(async (leaf) => ({ key: keyOf(leaf), bucket: await bucketOf(leaf.path), hash: await hashOfLeaf(leaf) }))),
    Promise.all(drop.map(async (leaf) => ({ key: keyOf(leaf), bucket: await bucketOf(leaf.path) }))),
  ]);
  const changed = new Map<number, Map<string, string>>();
  const bucket = (at: number): Map<string, string> => {
    const own = changed.get(at) ?? new Map(tree.buckets[at]);
    changed.set(at, own);
    return own;
  };
  for (const { key, bucket: at } of drops) bucket(at).delete(key);
  for (const { key, bucket: at, hash } of puts) bucket(at).set(key, hash);
  const buckets = [...tree.buckets];
  const hashes = [...tree.hashes];
  await Promise.all(
    [...changed].map(async ([at, leaves]) => {
      buckets[at] = leaves;
      hashes[at] = await hashOfBucket([...leaves.values()]);
    }),
  );
  return { buckets, hashes };
}

export const rootOfTree = (tree: Tree): Promise<string> => rootOf(tree.hashes);
