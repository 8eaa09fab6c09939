import type { GrantView, HistoryEntry, PasskeyView, Sync } from "#protocol/api.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { digestAt } from "#protocol/categories.ts";
import { hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { checkFollows, type Head, hashOfHead, type Leaf, RESTORED_STEP, readHead } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import type { RecordVersion } from "#protocol/sealing/record.ts";
import type { SuccessionEvidence, Trust } from "#protocol/succession.ts";
import type { Way, WaySeal } from "#protocol/ways.ts";
import { CONTACT } from "./coverage.ts";
import type { Remembered } from "./memory.ts";
import type { Server } from "./server.ts";
import { eraAt, eraOf, recordIn } from "./share-version.ts";
import { EMPTY_TREE, grow, rootOfTree, type Tree } from "./tree.ts";
import { proveHead } from "./trust.ts";

/** The device's copy of both halves of the store, sealed as it is kept. Replaced whole by every reading. */
export interface Replica {
  readonly account: string;
  readonly created: string;
  /** When it will be erased, by the server's word. */
  readonly erasing: string | null;
  /** Whether it is on its way between two servers, by the server's word. */
  readonly moving: Sync["moving"];
  readonly arriving: Sync["arriving"];
  /** Whether it was put back to an earlier state, by the server's word. */
  readonly restored: Sync["restored"];
  /** Of versions made from now on. */
  readonly era: number;
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

/** `leapt`: past a head `restored`, below which things may be lost that this device has seen. */
export interface Reading {
  readonly replica: Replica;
  readonly leapt: boolean;
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
): Promise<Reading> {
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
    const leapt = await checkHead(server, candidate, heads, anchors, trusts);
    if (!leapt) checkVersions(candidate, trusted.remembered);
    if ((await rootOfTree(candidate.tree)) === candidate.head.claims.root) return { replica: candidate, leapt };
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
  let era = Math.max(base?.era ?? 0, last.restored === null ? 0 : eraAt(last.restored.at));
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
      era = Math.max(era, eraOf(record.version));
      put(`record ${record.path}`, leafOf("record", record.path, record.version, hashOf(record.body)));
    }
    for (const { grant, path, version, hash } of page.shares) {
      const key = `${grant}/${path}`;
      shares.set(key, { grant, path, version });
      if (digestAt(path) === undefined && path !== CONTACT) era = Math.max(era, eraOf(recordIn(version)));
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
    moving: last.moving,
    arriving: last.arriving,
    restored: last.restored,
    era,
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
  anchors: readonly Seen[],
  trusts: readonly Trust[],
): Promise<boolean> {
  for (const trust of trusts) await proveHead({ account, head: head.token, ways, successions }, trust);
  const [first, ...others] = [...anchors].sort((a, b) => a.seq - b.seq);
  return first !== undefined && follow(server, { head, position: String(position) }, heads, first, others);
}

/**
 * Walks from the first head that was seen to the newest. Only the newest needs its signature checked: each names the hash of the one
 * before. Where the walk ends, a head `restored` above all that was seen goes on: what was seen below it may be lost (section 4).
 * @returns whether it came past such a head
 */
async function follow(
  server: Server,
  { head: newest, position }: { head: Replica["head"]; position: string },
  heads: readonly string[],
  from: Seen,
  others: readonly Seen[],
): Promise<boolean> {
  const seen = Math.max(from.seq, ...others.map((each) => each.seq));
  if (newest.claims.seq < seen)
    throw new EvidenceError("older", `The server sent head ${newest.claims.seq}; this device has seen head ${seen}`);
  const known = new Map([...heads, newest.token].map((token) => [readHead(token).seq, token]));
  let asked = 0;
  const isMore = async (after: number): Promise<boolean> => {
    if (asked >= after) return false;
    asked = after;
    for (const token of (await server.call("store", { query: { seq: String(after), since: position } })).heads)
      known.set(readHead(token).seq, token);
    return true;
  };
  let last = from;
  let leapt = false;
  while (last.seq < newest.claims.seq) {
    const token = known.get(last.seq + 1);
    const next = token === undefined ? undefined : await seenAt(token);
    const claims = token === undefined ? undefined : readHead(token);
    if (next !== undefined && claims?.prev === last.hash && !claims.restored && isAsSeen(next, others)) {
      last = next;
      continue;
    }
    const leap = [...known.values()]
      .map(readHead)
      .sort((a, b) => a.seq - b.seq)
      .find(({ seq, restored }) => restored && seq > last.seq && seq >= seen);
    if (leap === undefined) {
      if (claims !== undefined && next !== undefined) {
        checkFollows(last, claims);
        checkSeen(next, others);
      } else if (await isMore(last.seq)) continue;
      throw new EvidenceError(
        "fork",
        `The server does not show how head ${newest.claims.seq} follows the head ${last.seq} that this device has seen`,
      );
    }
    const below = Math.max(0, ...[...known.keys()].filter((seq) => seq < leap.seq));
    const base = below > 0 ? await seenAt(known.get(below) as string) : from.hash === leap.prev ? from : undefined;
    if (base !== undefined && (leap.prev !== base.hash || leap.seq < base.seq + RESTORED_STEP)) {
      if (await isMore(base.seq)) continue;
      throw new EvidenceError("fork", `Head ${leap.seq} does not go on from the head ${base.seq} that the server shows before it`);
    }
    last = await seenAt(known.get(leap.seq) as string);
    leapt = true;
  }
  checkSeen({ seq: newest.claims.seq, hash: newest.hash }, [from, ...others]);
  return leapt;
}

/** A head by its number and hash. */
interface Seen {
  readonly seq: number;
  readonly hash: string;
}

const seenAt = async (token: string): Promise<Seen> => ({ seq: readHead(token).seq, hash: await hashOfHead(token) });

const isAsSeen = (at: Seen, seen: readonly Seen[]): boolean => seen.every(({ seq, hash }) => seq !== at.seq || hash === at.hash);

function checkSeen(at: Seen, seen: readonly Seen[]): void {
  if (!isAsSeen(at, seen)) throw new EvidenceError("fork", `Head ${at.seq} differs from the one that this device has seen`);
}

function checkVersions({ records }: Replica, remembered: Remembered | undefined): void {
  for (const [path, seen] of Object.entries(remembered?.versions ?? {})) {
    const version = records.get(path)?.version ?? 0;
    if (version < seen)
      throw new EvidenceError("older", `The server sent version ${version} of ${path}; this device has seen version ${seen}`);
  }
}
