import type { AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import { digestAt, formOf, KINDS, kindAt } from "#protocol/categories.ts";
import { type Contact, contactFor } from "#protocol/data/contact.ts";
import type { VendorCard } from "#protocol/data/private.ts";
import type { Digest, Kind, NameOf } from "#protocol/kind.ts";
import { splitPath } from "#protocol/paths.ts";
import type { Content } from "#protocol/sealing/record.ts";

/** Where the general contact card lies; each vendor sees it with its own card over it. */
export const CONTACT = "preferences/contact";

/** What a consent lets out at one moment. Made by `coverageOf`; what leaves is decided here alone, for shares, preview and views alike. */
export interface Coverage {
  readonly allowed: readonly Allowed[];
  readonly digests: readonly AllowedDigest[];
  readonly at: Date;
}

interface Allowed {
  readonly base: string;
  readonly form: string | undefined;
  readonly filter: Filter | undefined;
  readonly until: number;
}

export interface AllowedDigest {
  /** As the consent names it: `purchases:tastes`. */
  readonly path: string;
  readonly kind: Kind;
  readonly digest: Digest;
  readonly filters: readonly Filter[];
  readonly until: number;
}

/** A value at the path where it leaves. */
export interface Leaving {
  readonly path: string;
  readonly value: unknown;
  /** Epoch milliseconds: when the last object ends that lets it be read there. */
  readonly until: number;
}

/** @param now epoch milliseconds; objects that have ended by then say nothing */
export function coverageOf(details: AuthorizationDetails, now: number): Coverage {
  const allowed: Allowed[] = [];
  const digests = new Map<string, AllowedDigest>();
  for (const { actions, filter, expires, paths } of details) {
    const until = Date.parse(expires);
    if (!actions.includes("read") || until <= now) continue;
    for (const path of paths) {
      const digest = digestAt(path);
      const { base, form } = splitPath(path);
      const kind = KINDS.find((each) => each.path === base);
      if (digest === undefined) allowed.push({ base, form, filter, until });
      else if (kind?.shareable)
        digests.set(path, together(digests.get(path), { path, kind, digest, filters: filter ? [filter] : [], until }));
    }
  }
  return { allowed, digests: [...digests.values()], at: new Date(now) };
}

/**
 * Several objects may list one digest, and their vendor gets one value for all of them: made of what every one of them lets through. Of
 * the union it could not tell what it may use for which purpose.
 */
const together = (before: AllowedDigest | undefined, next: AllowedDigest): AllowedDigest =>
  before === undefined ? next : { ...next, filters: [...before.filters, ...next.filters], until: Math.max(before.until, next.until) };

const passes = (kind: Kind, value: unknown, filter: Filter | undefined): boolean =>
  filter === undefined || kind.passes === undefined || (value !== null && kind.passes(value as never, filter));

/**
 * Where a record leaves under a consent: in the form that says most of those that it allows now, without what is withheld. The value is
 * null if there is none yet, or not what the form needs. Undefined if it doesn't leave: not covered, kept back by a filter, removed.
 * @param path the record's, as the consent names it
 * @param nameOf what other records are called toward the vendor, where the value names one
 */
export function placed({ allowed, at }: Coverage, path: string, content: Content | undefined, nameOf?: NameOf): Leaving | undefined {
  const kind = kindAt(path);
  if (content === undefined || "removed" in content || kind === undefined || !kind.shareable) return undefined;
  const { value } = content;
  let best: { rank: number; form: string | undefined; until: number } | undefined;
  for (const { base, form, filter, until } of allowed) {
    if (path !== base && !(path.startsWith(base) && path[base.length] === "/")) continue;
    const rank = form === undefined ? 0 : kind.forms.findIndex((each) => each.name === form) + 1 || -1;
    if (rank < 0 || (best !== undefined && rank > best.rank) || !passes(kind, value, filter)) continue;
    best = { rank, form, until: best?.rank === rank ? Math.max(best.until, until) : until };
  }
  if (best === undefined) return undefined;
  const to = best.form === undefined ? path : `${path}:${best.form}`;
  return { path: to, value: formOf(to, value, at, nameOf), until: best.until };
}

/** A record as it leaves under a consent, if there is something to say. */
export function leaving(coverage: Coverage, path: string, content: Content | undefined, nameOf?: NameOf): Leaving | undefined {
  const leaves = placed(coverage, path, content, nameOf);
  return leaves === undefined || leaves.value === null ? undefined : leaves;
}

/** A collection's digest as it leaves. Undefined where the values say nothing. */
export function digestLeaving(
  { at }: Coverage,
  allowed: AllowedDigest,
  contents: Iterable<readonly [string, Content]>,
): Leaving | undefined {
  const values: unknown[] = [];
  for (const [path, content] of contents) if (isOf(allowed.kind, path) && passesAll(allowed, content)) values.push(valueIn(content));
  const value = allowed.digest.of(values as never[], at);
  return value === null ? undefined : { path: allowed.path, value, until: allowed.until };
}

/** Whether one record says anything in a digest. */
export const countsIn = ({ at }: Coverage, allowed: AllowedDigest, path: string, content: Content): boolean =>
  isOf(allowed.kind, path) && passesAll(allowed, content) && allowed.digest.of([valueIn(content) as never], at) !== null;

export const isOf = (kind: Kind, path: string): boolean => path.startsWith(kind.path) && path[kind.path.length] === "/";

function passesAll({ kind, filters }: AllowedDigest, content: Content): boolean {
  const value = valueIn(content);
  return value !== null && filters.every((filter) => passes(kind, value, filter));
}

/** The contact card toward one vendor: the general one with its own over it. */
export function contactFrom(contents: { get(path: string): Content | undefined }, card: VendorCard | undefined): Content {
  return { value: contactFor(valueIn(contents.get(CONTACT)) as Contact | null, card?.contact) };
}

const valueIn = (content: Content | undefined): unknown => (content === undefined || "removed" in content ? null : content.value);
