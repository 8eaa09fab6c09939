import type { Commit, SignedAct } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { kindAt } from "#protocol/categories.ts";
import type { Epoch } from "#protocol/epoch.ts";
import { isEnded } from "#protocol/grant.ts";
import { type Head, hashOfHead, type Leaf } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { type Content, type RecordVersion, type Share, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import { hashOfWays, type Way, type WaySeal } from "#protocol/ways.ts";
import { contentAs, sharePathOf } from "./coverage.ts";
import { hashOfExpiry, stateOfGrant } from "./grants.ts";
import { keyOfEpoch } from "./keyring.ts";
import type { OpenStore } from "./open-store.ts";
import { grantKeyOf } from "./relationship.ts";
import { grow, rootOfTree } from "./tree.ts";

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
  readonly attestation?: Commit["attestation"];
  readonly acts?: readonly SignedAct[];
}

/** A new epoch of the account key. */
export interface Rotation {
  readonly row: Epoch;
  readonly accountKey: Uint8Array;
}

export interface Draft {
  readonly body: Commit;
  readonly head: { readonly seq: number; readonly hash: string };
  /** Whether shares are left for a further commit. */
  readonly rest: boolean;
}

/** Bytes and rows of one commit, well under the limits of protocol/api.ts. */
const MOST = { shares: 2000, drops: 2000, ends: 1000, bytes: 700_000 };
/** A device whose clock is ahead must not call a grant expired that the server still serves. */
const SURELY = 600_000;

export async function assemble(
  { keyring, replica, contents, grants }: OpenStore,
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

  const planned = share ? planShares({ replica, contents, grants }, change, versionOf, now) : [];
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
  const head: Head = {
    account,
    identity: keyring.identity.x,
    seq: replica.head.claims.seq + 1,
    prev: replica.head.claims.seq === 0 ? null : replica.head.hash,
    root: await rootOfTree(tree),
    epoch,
    ways: await hashOfWays(change.ways?.list ?? replica.ways),
    at: new Date(now).toISOString(),
  };
  const token = await signHead(head, keyring.identity);
  return {
    head: { seq: head.seq, hash: await hashOfHead(token) },
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

type Shared = Pick<OpenStore, "replica" | "contents" | "grants">;

/** What each grant is due: copies of what its consent covers that it doesn't have yet, and removals of what it has. */
function planShares({ replica, contents, grants }: Shared, change: Change, versionOf: (path: string) => number, now: number): Planned[] {
  const changed = [...(change.contents?.keys() ?? [])];
  const all = [...new Set([...contents.keys(), ...changed])];
  const planned: Planned[] = [];
  const plan = (grant: string, key: Uint8Array, path: string, to: string, content: Content): void => {
    const has = replica.shares.get(`${grant}/${to}`)?.version;
    const version = versionOf(path);
    if (has === undefined ? "removed" in content : has >= version) return;
    planned.push({ key, place: { grant, path: to, version }, content, size: 700 + 2 * JSON.stringify(content).length });
  };
  const fill = (grant: string, key: Uint8Array, details: AuthorizationDetails, paths: readonly string[], onlyRemovals: boolean): void => {
    for (const path of paths) {
      const content = change.contents?.get(path) ?? contents.get(path);
      if (content === undefined) continue;
      const to = sharePathOf(details, path, now);
      const as = to === undefined ? undefined : contentAs(to, content, now);
      if (to !== undefined && as !== undefined && (!onlyRemovals || "removed" in as)) plan(grant, key, path, to, as);
      if ("removed" in content || content.value === null)
        for (const other of formsOf(path)) if (other !== to) plan(grant, key, path, other, { removed: true });
    }
  };
  const resumed = new Set(change.resumes?.map((each) => each.grant));
  for (const known of grants.values()) {
    const state = resumed.has(known.grant) ? "active" : stateOfGrant(known, now);
    if (isEnded(state)) continue;
    const whole = change.backfill?.includes(known.grant) === true;
    fill(known.grant, grantKeyOf(known.own), known.consent.authorization_details, whole ? all : changed, state === "paused");
  }
  if (change.consent !== undefined) fill(change.consent.grant, change.consent.key, change.consent.details, all, false);
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
