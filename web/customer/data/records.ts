import type { Import } from "#protocol/data/private.ts";
import type { RecordView } from "../../vault/vault.ts";

type Records = readonly RecordView[];

const byKind = new WeakMap<Records, ReadonlyMap<string, Records>>();

/** The records of each kind that hold something, by its path; counted once for each state of the store. */
export function recordsByKind(records: Records): ReadonlyMap<string, Records> {
  const before = byKind.get(records);
  if (before) return before;
  const groups = new Map<string, RecordView[]>();
  for (const record of records) {
    if (record.value === null) continue;
    const group = groups.get(record.kind);
    if (group) group.push(record);
    else groups.set(record.kind, [record]);
  }
  byKind.set(records, groups);
  return groups;
}

const NONE: Records = [];
/** One and the same list until the store changes. */
export const recordsOf = (records: Records, kind: string): Records => recordsByKind(records).get(kind) ?? NONE;

/** The import that brought a record; undefined where it was typed, null where nothing of the import is left. */
export function importOf(records: Records, { source }: RecordView): Import | null | undefined {
  if (source === null) return undefined;
  const entry = recordsOf(records, "imports").find(({ path }) => path === `imports/${source}`);
  return (entry?.value as Import | undefined) ?? null;
}
