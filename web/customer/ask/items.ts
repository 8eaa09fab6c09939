import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { kindAt } from "#protocol/categories.ts";
import type { Form, Kind } from "#protocol/kind.ts";
import { covers, formRank, isShareable, splitPath } from "#protocol/paths.ts";
import type { StoreView } from "../../vault/vault.ts";

/** One box on the request screen: a value that is in the store, or one to be typed. */
export interface Row {
  /** Unique on the screen. */
  id: string;
  /** Which object of the request asks for it. */
  detail: number;
  kind: Kind;
  /** Path of the record that would leave, without a form: for a value to be typed, `collection/key` or the single kind's path. */
  base: string;
  /** The record's value, or undefined where it has to be typed. */
  value: unknown;
  /** Names the value that is typed; the same one may be asked for in two objects. */
  draft: string | undefined;
  /** A whole collection, of which a filter says which records: it has no value of its own. */
  whole: boolean;
  /** What may leave of it, least first; undefined is the whole value. */
  forms: readonly (string | undefined)[];
  /** The form in which the same shop can read it now, as far as it asks for it; null where it can't. */
  held: { readonly form: string | undefined } | null;
}

/** What one path of a request asks for, as rows. */
export interface Item {
  path: string;
  kind: Kind;
  rows: readonly Row[];
}

/**
 * Rows for each path of each object, in the order of the request. `typed`: how many values of a collection are being typed, by its path.
 * `held`: what the same shop can read now, by object.
 */
export function itemsOf(
  asked: AuthorizationDetails,
  store: StoreView | undefined,
  typed: Record<string, number>,
  held: readonly (readonly string[])[],
  today: Date,
): Item[][] {
  return asked.map((detail, at) =>
    detail.paths.flatMap((path) => {
      const { base, form } = splitPath(path);
      const kind = kindAt(base);
      if (kind === undefined || !isShareable(path)) return [];
      const rank = formRank(base, form);
      const row = (target: string, value: unknown, draft: string | undefined, whole = false): Row => {
        const all = whole ? wholeForms(kind, path) : formsUpTo(kind, rank);
        const now = heldOf(held[at] ?? [], target, all);
        const forms = whole ? all : telling(kind, all, value, now, today);
        return { id: `${at}/${path}/${target}`, detail: at, kind, base: target, value, draft, whole, forms, held: now };
      };
      if (kind.passes !== undefined && base === kind.path) return [{ path, kind, rows: [row(base, undefined, undefined, true)] }];
      const records = (store?.records ?? []).filter(
        (record) => record.value !== null && (record.path === base || (record.kind === kind.path && kind.path === base)),
      );
      const rows = records.map((record) => row(record.path, record.value, undefined));
      const isMember = kind.many && base !== kind.path;
      const missing = isMember || (!kind.many && rows.length > 0) ? 0 : (typed[kind.path] ?? (rows.length === 0 ? 1 : 0));
      for (let index = 0; index < missing; index += 1) {
        const key = `new${index + 1}`;
        rows.push(row(kind.many ? `${kind.path}/${key}` : kind.path, undefined, `${kind.path}~${index}`));
      }
      return [{ path, kind, rows }];
    }),
  );
}

/** From the least form to the widest that was asked for. */
const formsUpTo = ({ forms }: Kind, rank: number): (string | undefined)[] =>
  [undefined, ...forms.map(({ name }) => name)].slice(rank).reverse();

/** The widest of the forms that is readable now. */
function heldOf(paths: readonly string[], base: string, forms: readonly (string | undefined)[]): Row["held"] {
  const readable = forms.map((form) => paths.some((path) => covers(path, form === undefined ? base : `${base}:${form}`)));
  const at = readable.lastIndexOf(true);
  return at < 0 ? null : { form: forms[at] };
}

/**
 * Without the forms that tell no more of this very value than the one before: of an address without a region, the region. The one that
 * is readable now stays.
 */
function telling(kind: Kind, all: readonly (string | undefined)[], value: unknown, held: Row["held"], today: Date): (string | undefined)[] {
  const told = (name: string | undefined): string => {
    const form: Form | undefined = kind.forms.find((each) => each.name === name);
    return JSON.stringify(form ? form.of(value as never, today) : value);
  };
  return all.filter(
    (form, at) => value === undefined || at === 0 || told(form) !== told(all[at - 1]) || (held !== null && held.form === form),
  );
}

/** What of a whole collection may leave, least first: its digests, then its records in their forms, then whole. None says more than was asked. */
function wholeForms({ path, digests, forms }: Kind, asked: string): (string | undefined)[] {
  const names = [...digests.map(({ name }) => name).reverse(), ...forms.map(({ name }) => name).reverse(), undefined];
  return names.filter((name) => covers(asked, name === undefined ? path : `${path}:${name}`));
}
