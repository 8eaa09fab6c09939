import * as v from "valibot";
import { base32Groups } from "./base32.ts";
import { base64url, canonical, concat, hashOf, hashOfJson, sha256 } from "./canonical.ts";
import { EvidenceError, exactly, readJws, verifyJws } from "./jws.ts";
import { Hash, Id, Instant, Positive } from "./shapes.ts";

/** `typ` of a signed head. */
export const HEAD_TYP = "head+jwt";

/** The customer's half of a store at one commit, signed by the identity key and chained by `prev` (hash of the head before; null in the first). */
export const Head = v.strictObject({
  account: Id,
  /** Ed25519 public key that signs this head. */
  identity: Hash,
  seq: Positive,
  prev: v.nullable(Hash),
  root: Hash,
  epoch: Positive,
  ways: Hash,
  at: Instant,
  /** The server was put back to an earlier state: `prev` is the last head that it has, `seq` far above all that any device may have seen. */
  restored: v.optional(v.literal(true)),
});
export type Head = v.InferOutput<typeof Head>;

/** One leaf under the root. `hash`: of the body, of the consent token, of the end's act, of the epoch's row. */
export interface Leaf {
  kind: "record" | "share" | "consent" | "end" | "epoch";
  path: string;
  version: number;
  hash: string;
}

/** How many buckets a root has. */
export const BUCKETS = 256;

/** The bucket of a path: the first byte of its SHA-256. */
export const bucketOf = async (path: string): Promise<number> => (await sha256(path))[0] as number;

/** SHA-256(JCS([kind, path, version, hash])): 43 base64url characters. */
export const hashOfLeaf = ({ kind, path, version, hash }: Leaf): Promise<string> => hashOf(canonical([kind, path, version, hash]));

/** A bucket's hash: of its leaf hashes, sorted (as text) and joined as bytes. */
export const hashOfBucket = (leafHashes: readonly string[]): Promise<string> =>
  hashOf(concat(...[...leafHashes].sort().map((each) => base64url.decode(each))));

/** The root: hash of the 256 bucket hashes in order; a bucket that holds nothing is `EMPTY_BUCKET`. @throws {TypeError} unless there are 256 */
export function rootOf(buckets: readonly string[]): Promise<string> {
  if (buckets.length !== BUCKETS) throw new TypeError("a root has 256 buckets");
  return hashOf(concat(...buckets.map((each) => base64url.decode(each))));
}

/** SHA-256 of nothing. */
export const EMPTY_BUCKET = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

/** The shape of a head, unverified: to see whose it says it is. @throws {EvidenceError} `malformed` */
export function readHead(token: string): Head {
  const { header, payload } = readJws(token);
  const head = exactly(Head, payload);
  if (header.typ !== HEAD_TYP || head === undefined) throw new EvidenceError("malformed", "this is not a head");
  return head;
}

/** Verifies a head by `identity`. @throws {EvidenceError} `signature`, `typ`, `malformed`, `account` */
export async function verifyHead(token: string, expected: { account: string; identity: string }): Promise<Head> {
  const head = exactly(Head, await verifyJws(token, expected.identity, HEAD_TYP));
  if (head === undefined) throw new EvidenceError("malformed", "the head has an unknown shape");
  if (head.account !== expected.account) throw new EvidenceError("account", "the head is of another store");
  if (head.identity !== expected.identity) throw new EvidenceError("account", "the head names another identity key");
  return head;
}

/** The hash of a signed head: `prev` of the next one. */
export const hashOfHead = (token: string): Promise<string> => hashOf(token);

/**
 * How far a head `restored` stands above the highest head that the device which signs it, or its server, knows; and versions of records and
 * shares, and the `n` of consents, that go on with it: above whatever was lost when the server was put back to an earlier state.
 */
export const RESTORED_STEP = 2 ** 20;

/** What an act `restore` approves: that the store goes on from the older head `prev`, at this `seq`. */
export const restoredObject = ({ prev, seq }: Pick<Head, "prev" | "seq">): Promise<string> => hashOfJson([prev, seq]);

/**
 * Checks that `next` follows `last`: one step, chained by hash; or, signed as `restored`, somewhere above it: what lay between was lost.
 * @throws {EvidenceError} `older`, `fork`
 */
export function checkFollows(last: { seq: number; hash: string }, next: Head): void {
  if (next.seq <= last.seq) throw new EvidenceError("older", `expected head ${last.seq + 1}, got ${next.seq}`);
  if (next.restored) return;
  if (next.seq !== last.seq + 1 || next.prev !== last.hash)
    throw new EvidenceError("fork", `head ${next.seq} does not follow the head ${last.seq} that this device has seen`);
}

/**
 * The head's short code, to compare by eye: the first 40 bits of its hash, two groups of four base32 characters.
 * @param hash as `hashOfHead` gives it
 */
export const shortCodeOf = (hash: string): string => base32Groups(base64url.decode(hash).slice(0, 5)).join(" ");
