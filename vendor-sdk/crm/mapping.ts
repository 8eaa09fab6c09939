import { kindAt } from "../../protocol/categories.ts";
import { splitPath } from "../../protocol/paths.ts";
import { CHANNELS, type Channel, contactColumn, contactWords } from "../contact.ts";
import { SHARING_COLUMN, sharingWords } from "../sharing.ts";
import type { Scalar, SubjectRecord, Values } from "./sink.ts";

/** From a record to a target's columns; pure. `columns`: the names if they are known beforehand. */
export interface Mapping {
  readonly columns: readonly string[] | undefined;
  apply(record: SubjectRecord): Values;
}

/** Deeper than any value of the registry; what lies below is left out. */
const DEPTH = 6;
/** Members of one collection that become columns: a table can't show thousands. */
const LISTED = 10;

/**
 * The default: one column for each leaf. Collections and lists count from 1, what has a date from the newest, anything else in the order
 * of its ids; the form a value has is not in the name. `{"profile/emails/e1": {"address": "a@b.example"}}` becomes
 * `{"profile/emails.1.address": "a@b.example"}`. Of a collection the first ten, and if there are more, how many in `<collection>.count`.
 * The rules of contact become a column for each channel, which is always there: `contact.email` is `no`, or `yes:` and for what. `sharing`
 * is there where the consent says something of others.
 */
export function flatten(record: Pick<SubjectRecord, "fields" | "consent">): Values {
  const out = new Map<string, Scalar>();
  const collections = new Map<string, unknown[]>();
  for (const path of Object.keys(record.fields).sort()) {
    const value = record.fields[path];
    const collection = collectionOf(path);
    if (collection === undefined) leaves(splitPath(path).base, shownOf(path, value), 0, out);
    else
      collections
        .set(collection, collections.get(collection) ?? [])
        .get(collection)
        ?.push(value);
  }
  for (const [name, values] of collections) {
    const shown = values.sort((a, b) => compare(dayOf(b), dayOf(a))).slice(0, LISTED);
    for (const [index, value] of shown.entries()) leaves(`${name}.${index + 1}`, value, 0, out);
    if (values.length > LISTED) out.set(`${name}.count`, values.length);
  }
  const words = contactWords(record);
  for (const channel of CHANNELS) out.set(contactColumn(channel), words[channel]);
  const sharing = sharingWords(record);
  if (sharing !== undefined) out.set(SHARING_COLUMN, sharing);
  return Object.fromEntries(out);
}

/** The collection that a path's value is a member of; undefined for a single value and for a digest, which are alone at their place. */
function collectionOf(path: string): string | undefined {
  const { base } = splitPath(path);
  const kind = kindAt(base);
  if (kind === undefined) return base.split("/").length === 3 ? base.slice(0, base.lastIndexOf("/")) : undefined;
  return kind.many && base !== kind.path ? kind.path : undefined;
}

// A rule read in parts is read wrong: `allowed` in one column and for what in another.
const shownOf = (path: string, value: unknown): unknown =>
  path === "preferences/contact" ? { ...(value as object), channels: undefined } : value;

const dayOf = (value: unknown): string => {
  const { date } = (value ?? {}) as { date?: unknown };
  return typeof date === "string" ? date : "";
};
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function leaves(name: string, value: unknown, depth: number, out: Map<string, Scalar>): void {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") out.set(name, value);
  else if (typeof value === "object" && value !== null && depth < DEPTH)
    for (const [key, inner] of Object.entries(value))
      leaves(`${name}.${Array.isArray(value) ? Number(key) + 1 : key}`, inner, depth + 1, out);
}

/** Where a column comes from: a name of `flatten`, such as `profile/emails.1.address`, or a pure function of the record. */
export type Source = string | ((record: SubjectRecord) => Scalar | undefined);

/** The default mapping: see {@link flatten}. */
export const flatMapping: Mapping = { columns: undefined, apply: flatten };

/** How `mapFields` names what it adds. */
export interface MapOptions {
  /** The column that says whether one may reach the customer by this channel; `contact.email` unless told. */
  contact?: (channel: Channel) => string;
}

/**
 * A mapping by column: `mapFields({email: "profile/emails.1.address", town: "profile/addresses.1.locality"})`. A column whose source
 * is absent is blank. Beside them each row has a column for each channel that says whether one may reach the customer: see
 * {@link flatten}. `sync` with `dryRun` shows the columns that would be written; `apply` shows the values.
 * @throws {TypeError} where two columns have one name
 */
export function mapFields(spec: Readonly<Record<string, Source>>, { contact = contactColumn }: MapOptions = {}): Mapping {
  const contacts = CHANNELS.map((channel) => [contact(channel), channel] as const);
  const columns = [...Object.keys(spec), ...contacts.map(([column]) => column)];
  const twice = columns.find((column, at) => columns.indexOf(column) !== at);
  if (twice !== undefined) throw new TypeError(`mapFields: two columns are called ${twice}; {contact} names those of the contact rules`);
  return {
    columns,
    apply(record) {
      const flat = flatten(record);
      const words = contactWords(record);
      const pairs = Object.entries(spec).map(
        ([column, source]) =>
          [column, typeof source === "string" ? (Object.hasOwn(flat, source) ? flat[source] : undefined) : source(record)] as const,
      );
      const shown = pairs.filter((pair): pair is readonly [string, Scalar] => pair[1] !== undefined);
      return Object.fromEntries([...shown, ...contacts.map(([column, channel]) => [column, words[channel]] as const)]);
    },
  };
}
