import { INTENTS } from "./data/intents.ts";
import { PREFERENCES } from "./data/preferences.ts";
import { PRIVATE } from "./data/private.ts";
import { PROFILE } from "./data/profile.ts";
import { PURCHASES } from "./data/purchases.ts";
import type { Digest, Kind, NameOf } from "./kind.ts";

/** The registry of kinds of personal data (section 2). */
export const KINDS: readonly Kind[] = [...PROFILE, ...PREFERENCES, ...PURCHASES, ...INTENTS, ...PRIVATE];

const byPath = new Map(KINDS.map((each) => [each.path, each]));

/** The kind that lies at `path` (with or without an id and a form), or undefined. */
export function kindAt(path: string): Kind | undefined {
  const base = path.split(":", 1)[0] ?? path;
  const whole = byPath.get(base);
  if (whole !== undefined) return whole;
  const place = /^(.+)\/[A-Za-z0-9_-]{1,64}$/.exec(base);
  const parent = byPath.get(place?.[1] ?? "");
  return parent?.many ? parent : undefined;
}

/** True for the path of one record: a single kind, or a collection's path with an id; no form. */
export function isRecordPath(path: string): boolean {
  const kind = kindAt(path);
  return kind !== undefined && !path.includes(":") && (kind.many ? path !== kind.path : path === kind.path);
}

/** The digest that lies at `path`, as `purchases:tastes`, or undefined. */
export function digestAt(path: string): Digest | undefined {
  const kind = byPath.get(path.split(":", 1)[0] ?? path);
  return kind?.many === true ? kind.digests.find(({ name }) => path === `${kind.path}:${name}`) : undefined;
}

/**
 * True for a path at which a share can lie: a record, whole or in a form, or a digest of a collection. Whether the kind has the form
 * isn't looked up.
 */
export const isSharePath = (path: string): boolean => digestAt(path) !== undefined || isRecordPath(path.split(":", 1)[0] ?? path);

/** Single-valued kinds: all exist from the first commit, empty, so that their presence says nothing. */
export const SINGLE_PATHS: readonly string[] = KINDS.filter((each) => !each.many).map((each) => each.path);

/**
 * `value` in the form of `path`; null where the form can't be made, as of an empty value. The whole is all but what is withheld.
 * @param nameOf what a record that the value names is called toward the vendor; unless told, no record is named
 * @throws {TypeError} if `path` is of no kind or no form
 */
export function formOf(path: string, value: unknown, now: Date, nameOf: NameOf = () => undefined): unknown {
  const kind = kindAt(path);
  const colon = path.indexOf(":");
  const name = colon < 0 ? undefined : path.slice(colon + 1);
  if (kind === undefined) throw new TypeError(`no kind of data at ${path}`);
  if (name === undefined) return value === null ? null : whole(kind, value, nameOf);
  const form = kind.forms.find((each) => each.name === name);
  if (form === undefined) throw new TypeError(`no form ${name} of ${kind.path}`);
  return value === null ? null : form.of(value as never, now);
}

function whole({ withheld, renamed }: Kind, value: unknown, nameOf: NameOf): unknown {
  const kept =
    withheld.length === 0 ? value : Object.fromEntries(Object.entries(value as object).filter(([name]) => !withheld.includes(name)));
  return renamed === undefined ? kept : renamed(kept as never, nameOf);
}
