import { splitPath } from "../../protocol/paths.ts";
import type { Scalar, SubjectRecord, Values } from "./sink.ts";

/** From a record to a target's columns; pure. `columns`: the names if they are known beforehand. */
export interface Mapping {
  readonly columns: readonly string[] | undefined;
  apply(record: SubjectRecord): Values;
}

/** Deeper than any value of the registry; what lies below is left out. */
const DEPTH = 6;

/**
 * The default: one column for each leaf. Collections and lists count from 1, in the order of their ids; the form a value has is not
 * in the name. `{"profile/emails/e1": {"address": "a@b.example"}}` becomes `{"profile/emails.1.address": "a@b.example"}`.
 */
export function flatten(record: Pick<SubjectRecord, "fields">): Values {
  const out = new Map<string, Scalar>();
  const counts = new Map<string, number>();
  for (const path of Object.keys(record.fields).sort()) {
    const { base } = splitPath(path);
    const [category = "", name = "", id] = base.split("/");
    const kind = id === undefined ? base : `${category}/${name}`;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    leaves(id === undefined ? kind : `${kind}.${count}`, record.fields[path], 0, out);
  }
  return Object.fromEntries(out);
}

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

/**
 * A mapping by column: `mapFields({email: "profile/emails.1.address", town: "profile/addresses.1.locality"})`. A column whose source
 * is absent is blank. `sync` with `dryRun` shows the columns that would be written; `apply` shows the values.
 */
export function mapFields(spec: Readonly<Record<string, Source>>): Mapping {
  return {
    columns: Object.keys(spec),
    apply(record) {
      const flat = flatten(record);
      const pairs = Object.entries(spec).map(
        ([column, source]) =>
          [column, typeof source === "string" ? (Object.hasOwn(flat, source) ? flat[source] : undefined) : source(record)] as const,
      );
      return Object.fromEntries(pairs.filter((pair): pair is readonly [string, Scalar] => pair[1] !== undefined));
    },
  };
}
