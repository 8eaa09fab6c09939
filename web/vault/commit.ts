import type { Commit } from "#protocol/api.ts";
import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { type Head, hashOfHead, type Leaf } from "#protocol/head.ts";
import { signHead } from "#protocol/sealing/head.ts";
import { type RecordVersion, type Share, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import type { Trust } from "#protocol/succession.ts";
import { hashOfWays } from "#protocol/ways.ts";
import type { Change } from "./change.ts";
import { hashOfExpiry, stateOfGrant } from "./grants.ts";
import { keyOfEpoch } from "./keyring.ts";
import type { OpenStore } from "./open-store.ts";
import { boxedSize, outside, type Planned, planShares, SURELY } from "./plan.ts";
import { afterVersion } from "./share-version.ts";
import { grow, rootOfTree } from "./tree.ts";
import { trustOf } from "./trust.ts";

export interface Draft {
  readonly body: Commit;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly trust: Trust;
  /** Grants for which shares are left for a further commit. */
  readonly rest: readonly string[];
}

/** Bytes and rows of one commit, well under the limits of protocol/api.ts. */
const MOST = { shares: 2000, drops: 2000, ends: 1000, bytes: 800_000 };

export async function assemble(store: OpenStore, change: Change, now: number, share: boolean): Promise<Draft> {
  const { keyring, replica, grants } = store;
  const account = replica.account;
  const epoch = change.rotation?.row.epoch ?? keyring.epoch;
  const accountKey = change.rotation?.accountKey ?? keyOfEpoch(keyring, epoch);
  const versionOf = (path: string): number => afterVersion(replica.records.get(path)?.version ?? 0, replica.era);
  const records = await Promise.all(
    [...(change.contents ?? [])].map(([path, content]) =>
      sealRecord(accountKey, account, { path, version: versionOf(path), epoch }, content),
    ),
  );

  const planned = share ? await planShares(store, change, now) : [];
  let room = MOST.bytes - JSON.stringify(records).length;
  const taken: Planned[] = [];
  const left = new Set<string>();
  for (const each of planned) {
    room -= boxedSize(each.content, each.place.path);
    const fits = left.size === 0 && room >= 0 && taken.length < MOST.shares;
    if (!fits) left.add(each.place.grant);
    // Small enough for what a commit has beyond what is counted here.
    const goes = fits ? each : each.otherwise;
    if (goes !== undefined && taken.length < MOST.shares) taken.push(goes);
  }
  const rest = [...left];
  const shares = await Promise.all(taken.map(({ key, place, content }) => sealShare(key, place, content)));

  const { ends, drop } = await notedEnds({ replica, grants }, change, now);
  const complete = (change.backfill ?? []).filter((grant) => !rest.includes(grant) && grants.get(grant)?.row?.complete === false);
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
    seq: change.restored ?? replica.head.claims.seq + 1,
    prev: replica.head.claims.seq === 0 ? null : replica.head.hash,
    root: await rootOfTree(tree),
    epoch,
    ways: await hashOfWays(ways),
    at: new Date(now).toISOString(),
    ...(change.restored === undefined ? {} : { restored: true }),
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
      consent: change.consent === undefined ? null : { ...change.consent.commit, complete: isWhole(store, change.consent, rest, now) },
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

/** A paused grant gets what a new consent adds with its resume. */
function isWhole({ grants }: OpenStore, { grant }: NonNullable<Change["consent"]>, rest: readonly string[], now: number): boolean {
  const known = grants.get(grant);
  return !rest.includes(grant) && !(known !== undefined && stateOfGrant(known, now) === "paused");
}

/** Ends that the head doesn't cover yet, and the leaves of what is over or outside its consent. */
async function notedEnds(
  { replica, grants }: Pick<OpenStore, "replica" | "grants">,
  change: Change,
  now: number,
): Promise<Pick<Commit, "ends" | "drop">> {
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
  return { ends, drop: [...new Set([...outside({ replica, grants }, change, now), ...drop])].slice(0, MOST.drops) };
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
