import type { Commit, SignedAct } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { kindAt } from "#protocol/categories.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { isEnded } from "#protocol/grant.ts";
import { type Head, hashOfHead, type Leaf } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import type { SigningPair } from "#protocol/sealing/pairs.ts";
import { type Content, type RecordVersion, type Share, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import type { Trust } from "#protocol/succession.ts";
import { hashOfWays, type Way, type WaySeal } from "#protocol/ways.ts";
import { aliasesOf, learnAliases } from "./aliases.ts";
import { contentAs, sharePathOf } from "./coverage.ts";
import { hashOfExpiry, stateOfGrant } from "./grants.ts";
import { keyOfEpoch } from "./keyring.ts";
import type { OpenStore } from "./open-store.ts";
import { grantKeyOf } from "./relationship.ts";
import { grow, rootOfTree } from "./tree.ts";
import { trustOf } from "./trust.ts";

/** What a commit is to change. Versions, shares, root and head follow from the store that it is built on, anew after a rebase. */
export interface Change {
  readonly contents?: ReadonlyMap<string, Content>;
  readonly consent?: {
    readonly grant: string;
    readonly n: number;
    readonly key: Uint8Array;
    readonly details: AuthorizationDetails;
    readonly commit: Omit<NonNullable<Commit["consent"]>, "complete">;
  };
  /** Grants whose shares are brought up to date over all records. */
  readonly backfill?: readonly string[];
  readonly resumes?: Commit["resumes"];
  readonly ways?: { readonly list: readonly Way[]; readonly seals: readonly WaySeal[] };
  readonly rotation?: Rotation;
  /** By the kit that goes: of the rotation's identity key and the kit in its list. */
  readonly succession?: string;
  readonly attestation?: Commit["attestation"];
  readonly acts?: readonly SignedAct[];
}

/** A new epoch of the account key, and the identity key of that epoch. */
export interface Rotation {
  readonly row: Epoch;
  readonly accountKey: Uint8Array;
  readonly identity: SigningPair;
}

export interface Draft {
  readonly body: Commit;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly trust: Trust;
  /** Whether shares are left for a further commit. */
  readonly rest: boolean;
}

/** Bytes and rows of one commit, well under the limits of protocol/api.ts. */
const MOST = { shares: 2000, drops: 2000, ends: 1000, bytes: 700_000 };
/** A device whose clock is ahead must not call a grant expired that the server still serves. */
const SURELY = 600_000;

export async function assemble(
  { keyring, replica, contents, grants, aliases }: OpenStore,
  change: Change,
  now: number,
  share: boolean,
): Promise<Draft> {
  const account = replica.account;
  const epoch = change.rotation?.row.epoch ?? keyring.epoch;
  const accountKey = change.rotation?.accountKey ?? keyOfEpoch(keyring, epoch);
  const versionOf = (path: string): number => (replica.records.get(path)?.version ?? 0) + (change.contents?.has(path) ? 1 : 0);
  const records = await Promise.all(
    [...(change.contents ?? [])].map(([path, content]) =>
      sealRecord(accountKey, account, { path, version: versionOf(path), epoch }, content),
    ),
  );

  const planned = share ? await planShares({ replica, contents, grants, aliases }, change, versionOf, now) : [];
  let room = MOST.bytes - JSON.stringify(records).length;
  const taken: Planned[] = [];
  for (const each of planned) {
    room -= each.size;
    if (taken.length === MOST.shares || room < 0) break;
    taken.push(each);
  }
  const rest = taken.length < planned.length;
  const shares = await Promise.all(taken.map(({ key, place, content }) => sealShare(key, place, content)));

  const { ends, drop } = await notedEnds({ replica, grants }, now);
  const complete = rest ? [] : (change.backfill ?? []).filter((grant) => grants.get(grant)?.row?.complete === false);
  const leaves = await leavesOf(records, shares, ends, change);
  const tree = await grow(
    replica.tree,
    leaves,
    drop.map((path) => ({ kind: "share", path })),
  );
  const identity = change.rotation?.identity ?? keyring.identity;
  const ways = change.ways?.list ?? replica.ways;
  const head: Head = {
    account,
    identity: identity.x,
    seq: replica.head.claims.seq + 1,
    prev: replica.head.claims.seq === 0 ? null : replica.head.hash,
    root: await rootOfTree(tree),
    epoch,
    ways: await hashOfWays(ways),
    at: new Date(now).toISOString(),
  };
  const token = await signHead(head, identity);
  return {
    head: { seq: head.seq, hash: await hashOfHead(token) },
    trust: trustOf(head, ways),
    rest,
    body: {
      expectedSeq: replica.head.claims.seq,
      head: token,
      records,
      shares,
      drop,
      consent: change.consent === undefined ? null : { ...change.consent.commit, complete: !rest },
      complete,
      ends,
      resumes: [...(change.resumes ?? [])],
      ways: change.ways === undefined ? null : [...change.ways.list],
      seals: [...(change.ways?.seals ?? [])],
      epoch: change.rotation?.row ?? null,
      succession: change.succession ?? null,
      attestation: change.attestation ?? null,
      acts: [...(change.acts ?? [])],
    },
  };
}

interface Planned {
  readonly key: Uint8Array;
  readonly place: Omit<Share, "body">;
  readonly content: Content;
  /** Bytes of it in the body, about. */
  readonly size: number;
}

type Shared = Pick<OpenStore, "replica" | "contents" | "grants" | "aliases">;

interface Due {
  readonly id: string;
  readonly key: Uint8Array;
  readonly details: AuthorizationDetails;
}

/** What each grant is due: copies of what its consent covers that it doesn't have yet, and removals of what it has. */
async function planShares(
  { replica, contents, grants, aliases }: Shared,
  change: Change,
  versionOf: (path: string) => number,
  now: number,
): Promise<Planned[]> {
  const changed = [...(change.contents?.keys() ?? [])];
  const all = [...new Set([...contents.keys(), ...changed])];
  const planned: Planned[] = [];
  const plan = ({ id: grant, key }: Due, path: string, to: string, content: Content): void => {
    const has = replica.shares.get(`${grant}/${to}`)?.version;
    const version = versionOf(path);
    if (has === undefined ? "removed" in content : has >= version) return;
    planned.push({ key, place: { grant, path: to, version }, content, size: 700 + 2 * JSON.stringify(content).length });
  };
  const fill = async (due: Due, paths: readonly string[], onlyRemovals: boolean): Promise<void> => {
    await learnAliases(aliases, due, paths);
    const { byPath } = aliasesOf(aliases, due.id);
    for (const path of paths) {
      const content = change.contents?.get(path) ?? contents.get(path);
      if (content === undefined) continue;
      const alias = byPath.get(path) ?? path;
      const to = sharePathOf(due.details, alias, now);
      const as = to === undefined ? undefined : contentAs(to, content, now);
      if (to !== undefined && as !== undefined && (!onlyRemovals || "removed" in as)) plan(due, path, to, as);
      if ("removed" in content || content.value === null)
        for (const other of formsOf(alias)) if (other !== to) plan(due, path, other, { removed: true });
    }
  };
  const resumed = new Set(change.resumes?.map((each) => each.grant));
  for (const known of grants.values()) {
    const state = resumed.has(known.grant) ? "active" : stateOfGrant(known, now);
    if (isEnded(state)) continue;
    const whole = change.backfill?.includes(known.grant) === true;
    const due = { id: known.grant, key: grantKeyOf(known.own), details: known.consent.authorization_details };
    await fill(due, whole ? all : changed, state === "paused");
  }
  if (change.consent !== undefined) await fill({ ...change.consent, id: change.consent.grant }, all, false);
  return planned;
}

const formsOf = (path: string): string[] => [path, ...(kindAt(path)?.forms ?? []).map((form) => `${path}:${form.name}`)];

/** Ends that the head doesn't cover yet, and the leaves of what is over. */
async function notedEnds({ replica, grants }: Pick<OpenStore, "replica" | "grants">, now: number): Promise<Pick<Commit, "ends" | "drop">> {
  const over = new Set(replica.ends.keys());
  const ends: Commit["ends"] = [];
  for (const known of grants.values()) {
    if (over.has(known.grant) || ends.length === MOST.ends) continue;
    const hash = known.ended?.hash ?? (stateOfGrant(known, now - SURELY) === "expired" ? await hashOfExpiry() : undefined);
    if (hash === undefined) continue;
    ends.push({ grant: known.grant, hash });
    over.add(known.grant);
  }
  const drop = [...replica.shares].filter(([, { grant }]) => over.has(grant)).map(([path]) => path);
  return { ends, drop: drop.slice(0, MOST.drops) };
}

async function leavesOf(
  records: readonly RecordVersion[],
  shares: readonly Share[],
  ends: Commit["ends"],
  { consent, rotation }: Change,
): Promise<Leaf[]> {
  return Promise.all([
    ...records.map(async ({ path, version, body }): Promise<Leaf> => ({ kind: "record", path, version, hash: await hashOf(body) })),
    ...shares.map(
      async ({ grant, path, version, body }): Promise<Leaf> => ({
        kind: "share",
        path: `${grant}/${path}`,
        version,
        hash: await hashOf(body),
      }),
    ),
    ...ends.map(async ({ grant, hash }): Promise<Leaf> => ({ kind: "end", path: grant, version: 1, hash })),
    ...(consent === undefined
      ? []
      : [hashOf(consent.commit.token).then((hash): Leaf => ({ kind: "consent", path: consent.grant, version: consent.n, hash }))]),
    ...(rotation === undefined
      ? []
      : [hashOfJson(rotation.row).then((hash): Leaf => ({ kind: "epoch", path: String(rotation.row.epoch), version: 1, hash }))]),
  ]);
}
