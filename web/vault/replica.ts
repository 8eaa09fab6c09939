import type { GrantView, HistoryEntry, PasskeyView, Sync } from "#protocol/api.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { checkFollows, type Head, hashOfHead, type Leaf, readHead } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import type { RecordVersion } from "#protocol/sealing/record.ts";
import type { SuccessionEvidence, Trust } from "#protocol/succession.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";
import type { Remembered } from "./memory.ts";
import type { Server } from "./server.ts";
import { EMPTY_TREE, grow, rootOfTree, type Tree } from "./tree.ts";
import { proveHead } from "./trust.ts";

/** The device's copy of both halves of the store, sealed as it is kept. Replaced whole by every reading. */
export interface Replica {
  readonly account: string;
  readonly created: string;
  /** When it will be erased, by the server's word. */
  readonly erasing: string | null;
  /** Where the next reading goes on. */
  readonly position: number;
  readonly head: { readonly token: string; readonly claims: Head; readonly hash: string };
  readonly ways: readonly Way[];
  readonly seals: ReadonlyMap<string, WaySeal>;
  readonly epochs: ReadonlyMap<number, Epoch>;
  readonly successions: readonly SuccessionEvidence[];
  readonly records: ReadonlyMap<string, RecordVersion>;
  /** By `<grant>/<path>`. */
  readonly shares: ReadonlyMap<string, { readonly grant: string; readonly path: string; readonly version: number }>;
  /** Ends that the customer's half has taken note of. */
  readonly ends: ReadonlyMap<string, string>;
  /** The server's half: its word, until it is compared with the customer's own. */
  readonly rows: ReadonlyMap<string, GrantView>;
  readonly passkeys: readonly PasskeyView[];
  readonly history: readonly HistoryEntry[];
  readonly tree: Tree;
}

/** Something that was sent is not under the head's root. `candidate`: all of it, for a closer look at what. */
export class Uncovered extends EvidenceError {
  readonly candidate: Replica;
  constructor(candidate: Replica) {
    super("root", "What the server sent is not what the store's head covers");
    this.candidate = candidate;
  }
}

/** How often rows that changed while they were read are read again before they are called false. */
const READINGS = 3;

/**
 * Reads what changed since `base` (or everything) and answers the copy that is proven by a head of the identity key that is trusted, or
 * of one that the kit has signed since: chained to every head that this device has seen, over these ways in and these leaves, with no version older than one seen.
 * @throws {EvidenceError} `signature`, `older`, `fork`, `ways`, `root`, `account`, `pin`
 */
export async function readReplica(
  server: Server,
  base: Replica | undefined,
  trusted: { account: string; identity: string; remembered: Remembered | undefined },
): Promise<Replica> {
  const trusts: Trust[] = trusted.remembered?.trust ? [trusted.remembered.trust] : [];
  if (trusts[0]?.identity !== trusted.identity) trusts.push({ identity: trusted.identity, kit: null });
  const anchors = [base?.head && { seq: base.head.claims.seq, hash: base.head.hash }, trusted.remembered?.head].filter(
    (each) => each != null,
  );
  const seq = anchors.length === 0 ? undefined : Math.min(...anchors.map((each) => each.seq));
  let heads: string[] = [];
  let candidate = base;
  for (let reading = 1; ; reading++) {
    const pages = await readPages(server, candidate, seq);
    heads = [...heads, ...pages.flatMap((page) => page.heads)];
    candidate = await merge(candidate, pages);
    if (candidate.account !== trusted.account) throw new EvidenceError("account", "The server sent another store");
    await checkHead(server, candidate, heads, anchors, trusts);
    checkVersions(candidate, trusted.remembered);
    if ((await rootOfTree(candidate.tree)) === candidate.head.claims.root) return candidate;
    if (reading === READINGS) throw new Uncovered(candidate);
  }
}

async function readPages(server: Server, base: Replica | undefined, seq: number | undefined): Promise<Sync[]> {
  const pages: Sync[] = [];
  const known: Record<string, string> = seq === undefined ? {} : { seq: String(seq) };
  let page = await server.call("store", { query: base === undefined ? known : { ...known, since: String(base.position) } });
  pages.push(page);
  while (page.more !== null) {
    page = await server.call("store", { query: base === undefined ? { ...known, after: page.more } : { ...known, since: page.more } });
    pages.push(page);
  }
  return pages;
}

async function merge(base: Replica | undefined, pages: readonly Sync[]): Promise<Replica> {
  const last = pages.at(-1) as Sync;
  const records = new Map(base?.records);
  const shares = new Map(base?.shares);
  const ends = new Map(base?.ends);
  const rows = new Map(base?.rows);
  const epochs = new Map(base?.epochs);
  const leaves = new Map<string, Promise<Leaf>>();
  const dropped = new Set<string>();
  const put = (key: string, leaf: Leaf | Promise<Leaf>): void => {
    leaves.set(key, Promise.resolve(leaf));
  };
  for (const page of pages) {
    for (const path of page.dropped) {
      shares.delete(path);
      leaves.delete(`share ${path}`);
      dropped.add(path);
    }
    for (const record of page.records) {
      records.set(record.path, record);
      put(`record ${record.path}`, leafOf("record", record.path, record.version, hashOf(record.body)));
    }
    for (const { grant, path, version, hash } of page.shares) {
      const key = `${grant}/${path}`;
      shares.set(key, { grant, path, version });
      dropped.delete(key);
      put(`share ${key}`, { kind: "share", path: key, version, hash });
    }
    for (const { grant, hash } of page.ends) {
      ends.set(grant, hash);
      put(`end ${grant}`, { kind: "end", path: grant, version: 1, hash });
    }
    for (const epoch of page.epochs) {
      epochs.set(epoch.epoch, epoch);
      put(`epoch ${epoch.epoch}`, leafOf("epoch", String(epoch.epoch), 1, hashOfJson(epoch)));
    }
    for (const row of page.grants) {
      rows.set(row.grant, row);
      put(`consent ${row.grant}`, leafOf("consent", row.grant, readConsent(row.consent).n, hashOfConsent(row.consent)));
    }
  }
  const history = new Map((base?.history ?? []).concat(pages.flatMap((page) => page.history)).map((entry) => [entry.position, entry]));
  return {
    account: last.account,
    created: last.created,
    erasing: last.erasing,
    position: last.position,
    head: { token: last.head, claims: readHead(last.head), hash: await hashOfHead(last.head) },
    ways: last.ways,
    seals: new Map(last.seals.map((seal) => [seal.id, seal])),
    epochs,
    successions: last.successions,
    records,
    shares,
    ends,
    rows,
    passkeys: last.passkeys,
    history: [...history.values()].sort((a, b) => a.position - b.position),
    tree: await grow(
      base?.tree ?? EMPTY_TREE,
      await Promise.all(leaves.values()),
      [...dropped].map((path) => ({ kind: "share", path })),
    ),
  };
}

async function leafOf(kind: Leaf["kind"], path: string, version: number, hash: Promise<string>): Promise<Leaf> {
  return { kind, path, version, hash: await hash };
}

async function checkHead(
  server: Server,
  { account, head, ways, successions, position }: Replica,
  heads: readonly string[],
  anchors: ReadonlyArray<{ seq: number; hash: string }>,
  trusts: readonly Trust[],
): Promise<void> {
  for (const trust of trusts) await proveHead({ account, head: head.token, ways, successions }, trust);
  const [first, ...others] = [...anchors].sort((a, b) => a.seq - b.seq);
  if (first !== undefined) await follow(server, { head, position: String(position) }, heads, first, others);
}

/** Walks from the first head that was seen to the newest. Only the newest needs its signature checked: each names the hash of the one before. */
async function follow(
  server: Server,
  { head: newest, position }: { head: Replica["head"]; position: string },
  heads: readonly string[],
  from: { seq: number; hash: string },
  others: ReadonlyArray<{ seq: number; hash: string }>,
): Promise<void> {
  const seen = Math.max(from.seq, ...others.map((each) => each.seq));
  if (newest.claims.seq < seen)
    throw new EvidenceError("older", `The server sent head ${newest.claims.seq}; this device has seen head ${seen}`);
  const known = new Map(heads.map((token) => [readHead(token).seq, token]));
  known.set(newest.claims.seq, newest.token);
  let last = from;
  while (last.seq < newest.claims.seq) {
    if (!known.has(last.seq + 1))
      for (const token of (await server.call("store", { query: { seq: String(last.seq), since: position } })).heads)
        known.set(readHead(token).seq, token);
    const token = known.get(last.seq + 1);
    if (token === undefined)
      throw new EvidenceError(
        "fork",
        `The server does not show how head ${newest.claims.seq} follows the head ${last.seq} that this device has seen`,
      );
    checkFollows(last, readHead(token));
    last = { seq: last.seq + 1, hash: await hashOfHead(token) };
    checkSeen(last, others);
  }
  checkSeen({ seq: newest.claims.seq, hash: newest.hash }, [from, ...others]);
}

function checkSeen(at: { seq: number; hash: string }, seen: ReadonlyArray<{ seq: number; hash: string }>): void {
  const other = seen.find((each) => each.seq === at.seq);
  if (other !== undefined && other.hash !== at.hash)
    throw new EvidenceError("fork", `Head ${at.seq} differs from the one that this device has seen`);
}

function checkVersions({ records }: Replica, remembered: Remembered | undefined): void {
  for (const [path, seen] of Object.entries(remembered?.versions ?? {})) {
    const version = records.get(path)?.version ?? 0;
    if (version < seen)
      throw new EvidenceError("older", `The server sent version ${version} of ${path}; this device has seen version ${seen}`);
  }
}
