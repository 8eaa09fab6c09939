import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { canonical, utf8 } from "#protocol/canonical.ts";
import { KINDS, kindAt, SINGLE_PATHS } from "#protocol/categories.ts";
import type { VendorCard } from "#protocol/data/private.ts";
import { isEnded } from "#protocol/grant.ts";
import { allowsRead } from "#protocol/narrow.ts";
import { paddedLength } from "#protocol/sealing/padding.ts";
import type { Content, Share } from "#protocol/sealing/record.ts";
import { aliasesOf, learnAliases } from "./aliases.ts";
import type { Change } from "./change.ts";
import { CONTACT, type Coverage, contactFrom, coverageOf, digestLeaving, isOf, leaving } from "./coverage.ts";
import { stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { type Overlay, overlay } from "./overlay.ts";
import { grantKeyOf, type Relationship } from "./relationship.ts";
import { afterVersion, copyVersion, eraOf, inEra, isRemoval, nextVersion, recordIn, removalVersion } from "./share-version.ts";

/** A share to be made. */
export interface Planned {
  readonly key: Uint8Array;
  readonly place: Omit<Share, "body">;
  readonly content: Content;
  /** What goes in its place where it doesn't fit into the commit: nobody keeps a digest of what has changed. */
  readonly otherwise?: Planned;
}

type Shared = Pick<OpenStore, "replica" | "contents" | "relationships" | "grants" | "aliases">;

/** One grant, and how much of it is looked at. */
interface Due {
  readonly id: string;
  readonly key: Uint8Array;
  /** Number of its consent. */
  readonly n: number;
  readonly details: AuthorizationDetails;
  /** Path of its relationship. */
  readonly at: string;
  /** A paused grant gets removals alone. */
  readonly paused: boolean;
  /** Records that may have changed for it. */
  readonly paths: Iterable<string>;
  /** All of them: digests and the contact card are made where they are missing. */
  readonly whole: boolean;
  /** Digests and the contact card are made anew, whether they changed or not. */
  readonly renew: boolean;
  /** With a consent that follows another: that one, outside of which the server has let go of bodies whose leaves are there. */
  readonly followed?: AuthorizationDetails | undefined;
}

/** A device whose clock is ahead must not call a consent over that the server still serves. */
export const SURELY = 600_000;

/** Bytes of a box with its place in a commit's body, about. */
export const boxedSize = (content: Content, path: string): number =>
  100 + path.length + Math.ceil(((72 + paddedLength(utf8(canonical(content)).length + 1)) * 4) / 3);

/**
 * What each grant is due: copies of what its consent covers that it doesn't have yet, and removals of what it has and that doesn't
 * leave any more, though its consent names it: what is outside the consent is dropped (`outside`). Removals come first, then digests and contact cards: no vendor keeps what was taken back because others' copies
 * filled a commit.
 */
export async function planShares(store: Shared, change: Change, now: number): Promise<Planned[]> {
  const after = overlay(store.contents, change.contents);
  const removals: Planned[] = [];
  const derived: Planned[] = [];
  const copies: Planned[] = [];
  for (const due of duesOf(store, change, after, now)) {
    const reach = reachOf(due, now);
    await learnAliases(store.aliases, due, due.paths);
    derived.push(...planDerived(store, change, due, reach, after));
    for (const path of due.paths) {
      const { replica } = store;
      const before = replica.records.get(path)?.version ?? 0;
      const record = inEra(change.contents?.has(path) ? afterVersion(before, replica.era) : before, replica.era);
      for (const { to, value } of lacking(store, reach, path, after.get(path), record)) {
        if (value === undefined) removals.push(planned(due, { path: to, version: removalVersion(record, due.n) }, { removed: true }));
        else if (!due.paused) copies.push(planned(due, { path: to, version: copyVersion(record, due.n) }, { value }));
      }
    }
  }
  return [...removals, ...derived, ...copies];
}

/** What a grant's consent lets out now, and let out a moment ago: where an object has only just ended, nothing is taken back for it yet. */
interface Reach {
  readonly id: string;
  readonly n: number;
  readonly details: AuthorizationDetails;
  readonly coverage: Coverage;
  readonly before: Coverage | undefined;
  /** Whether a leaf may have no body. */
  readonly isHollow: (path: string) => boolean;
}

function reachOf({ id, n, details, followed }: Pick<Due, "id" | "n" | "details" | "followed">, now: number): Reach {
  const coverage = coverageOf(details, now);
  const before = coverageOf(details, now - SURELY);
  const isHollow = (path: string): boolean => followed !== undefined && !allowsRead(followed, path, now);
  return { id, n, details, coverage, before: before.allowed.length === coverage.allowed.length ? undefined : before, isHollow };
}

const SINGLE: ReadonlySet<string> = new Set(SINGLE_PATHS);

/** What a vendor doesn't have yet of one record: a copy of this version, or a removal of what it has (no value). */
function* lacking(
  { replica, aliases }: Pick<Shared, "replica" | "aliases">,
  { id, n, details, coverage, before, isHollow }: Reach,
  path: string,
  content: Content | undefined,
  record: number,
): Generator<{ readonly to: string; readonly value: unknown }> {
  const alias = SINGLE.has(path) ? path : aliasesOf(aliases, id).byPath.get(path);
  if (path === CONTACT || alias === undefined) return;
  const is = leaving(coverage, alias, content);
  const still = before === undefined ? is?.path : leaving(before, alias, content)?.path;
  for (const to of formsOf(alias)) {
    const has = replica.shares.get(`${id}/${to}`)?.version;
    if (to === is?.path) {
      const isOld = has === undefined || recordIn(has) < record || isRemoval(has) || isHollow(to);
      if (isOld && (has ?? 0) < copyVersion(record, n)) yield { to, value: is.value };
    } else if (has !== undefined && (!isRemoval(has) || eraOf(recordIn(has)) < replica.era) && to !== still && allowsRead(details, to)) {
      yield { to, value: undefined };
    }
  }
}

function* duesOf({ grants }: Shared, change: Change, after: Overlay, now: number): Generator<Due> {
  const changed = [...(change.contents?.keys() ?? [])];
  const resumed = new Set(change.resumes?.map((each) => each.grant));
  const { consent } = change;
  for (const known of grants.values()) {
    const state = resumed.has(known.grant) ? "active" : stateOfGrant(known, now);
    if (isEnded(state) || known.grant === consent?.grant) continue;
    const whole = change.backfill?.includes(known.grant) === true;
    yield {
      id: known.grant,
      key: grantKeyOf(known.own),
      n: known.own.n,
      details: known.consent.authorization_details,
      at: known.at,
      paused: state === "paused",
      paths: whole ? [...after.keys()] : changed,
      whole,
      renew: resumed.has(known.grant) || (whole && change.onward !== true),
    };
  }
  if (consent === undefined) return;
  const known = grants.get(consent.grant);
  const paused = known !== undefined && stateOfGrant(known, now) === "paused";
  yield {
    ...consent,
    id: consent.grant,
    paused,
    paths: [...after.keys()],
    whole: true,
    renew: true,
    followed: known?.consent.authorization_details,
  };
}

/** Where digests can lie. */
const DIGESTS: readonly string[] = KINDS.flatMap(({ path, digests }) => digests.map(({ name }) => `${path}:${name}`));

/**
 * Digests and the contact card, which follow from more than one record: made anew where their value is another after this change than
 * before it, so that a vendor learns nothing of edits that don't concern it.
 */
function planDerived(
  { replica, contents, relationships, aliases }: Shared,
  { contents: change }: Change,
  due: Pick<Due, "id" | "key" | "n" | "at" | "paused" | "whole" | "renew">,
  { coverage, before: moment, details }: Pick<Reach, "coverage" | "before" | "details">,
  after: Overlay,
): Planned[] {
  const plans: Planned[] = [];
  const { byPath } = aliasesOf(aliases, due.id);
  const plan = (path: string, touched: boolean, of: (contents: Overlay, card: VendorCard | undefined) => unknown): void => {
    const has = replica.shares.get(`${due.id}/${path}`)?.version;
    const there = has !== undefined && !isRemoval(has);
    if (!touched && !due.renew && !(due.whole && !there)) return;
    const before = relationships.get(due.at);
    const is = of(after, (relationshipIn(change, due.at) ?? before)?.card);
    if (is === undefined && !(there && allowsRead(details, path))) return;
    if (is !== undefined && due.paused) return;
    if (there && is !== undefined && !due.renew && canonical(is) === canonical(of(contents, before?.card) ?? null)) return;
    const removal = planned(due, { path, version: nextVersion(has, true, due.n, replica.era) }, { removed: true });
    if (is === undefined) plans.push(removal);
    else
      plans.push({
        ...planned(due, { path, version: nextVersion(has, false, due.n, replica.era) }, { value: is }),
        ...(there ? { otherwise: removal } : {}),
      });
  };
  const isTouched = (test: (path: string) => boolean): boolean => [...(change?.keys() ?? [])].some(test);
  for (const digest of coverage.digests)
    plan(
      digest.path,
      isTouched((path) => isOf(digest.kind, path)),
      (from) => digestLeaving(coverage, digest, from)?.value,
    );
  for (const path of DIGESTS)
    if (![...coverage.digests, ...(moment?.digests ?? [])].some((digest) => digest.path === path)) plan(path, true, () => undefined);
  plan(
    CONTACT,
    // A rule names an address, which may be one that the vendor doesn't have any more.
    isTouched((path) => path === CONTACT || path === due.at || path.startsWith("profile/")),
    (from, card) => {
      const nameOf = (path: string) => leaving(coverage, byPath.get(path) ?? path, from.get(path))?.path;
      return leaving(coverage, CONTACT, contactFrom(from, card), nameOf)?.value;
    },
  );
  return plans;
}

function relationshipIn(change: Change["contents"], at: string): Relationship | undefined {
  const content = change?.get(at);
  return content !== undefined && "value" in content ? (content.value as Relationship) : undefined;
}

const planned = ({ id: grant, key }: Pick<Due, "id" | "key">, place: { path: string; version: number }, content: Content): Planned => ({
  key,
  place: { grant, ...place },
  content,
});

/** Leaves outside the consent in force, or outside the one that a change brings: the server has let go of their bodies. */
export function outside({ replica, grants }: Pick<Shared, "replica" | "grants">, change: Pick<Change, "consent">, now: number): string[] {
  const details = new Map<string, AuthorizationDetails>();
  for (const { grant, own, consent } of grants.values()) if (own.n > 1) details.set(grant, consent.authorization_details);
  if (change.consent !== undefined) details.set(change.consent.grant, change.consent.details);
  if (details.size === 0) return [];
  return [...replica.shares].flatMap(([at, { grant, path }]) => {
    const given = details.get(grant);
    const known = grants.get(grant);
    if (given === undefined || known === undefined || isEnded(stateOfGrant(known, now))) return [];
    return allowsRead(given, path) ? [] : [at];
  });
}

const formsOf = (path: string): string[] => [path, ...(kindAt(path)?.forms ?? []).map((form) => `${path}:${form.name}`)];

/**
 * Active grants that don't have all that they are due: a device was closed in the middle of sharing, or an object of their consent has
 * ended since.
 */
export function grantsBehind(store: Shared, now: number): string[] {
  const behind: string[] = [];
  for (const known of store.grants.values()) {
    if (stateOfGrant(known, now) !== "active") continue;
    const { n } = known.own;
    const reach = reachOf({ id: known.grant, n, details: known.consent.authorization_details }, now);
    const lacks = ([path, content]: readonly [string, Content]): boolean =>
      lacking(store, reach, path, content, inEra(store.replica.records.get(path)?.version ?? 0, store.replica.era)).next().done === false;
    const due = { id: known.grant, key: grantKeyOf(known.own), n, at: known.at, paused: false, whole: true, renew: false };
    const isMissing = (): boolean => planDerived(store, {}, due, reach, store.contents).length > 0;
    if (known.row?.complete === false || [...store.contents].some(lacks) || isMissing()) behind.push(known.grant);
  }
  return behind;
}
