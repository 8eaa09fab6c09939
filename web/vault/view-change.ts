import type { ConnectionView, RecordView, SharedValue, StoreView } from "./vault.ts";

/** What the page is told of a change: of the long lists only rows that differ. It keeps every other object that it has. */
export interface StoreChange {
  readonly rest: Omit<StoreView, "records" | "connections">;
  readonly records: Rows<RecordView>;
  /** All of them, in order; `rest` only of those that differ. */
  readonly connections: ReadonlyArray<{
    readonly grant: string;
    readonly rest: Omit<ConnectionView, "shared"> | undefined;
    readonly shared: Rows<SharedValue> | undefined;
  }>;
}

interface Rows<T> {
  /** Rows by which others are replaced, or that come after them. */
  readonly put: readonly T[];
  readonly dropped: readonly string[];
}

/** @param before the last view of which the page was told; its unchanged rows must be the same objects */
export function changeOf(before: StoreView | undefined, after: StoreView): StoreChange {
  const { records, connections, ...rest } = after;
  const old = new Map(before?.connections.map((each) => [each.grant, each]));
  return {
    rest,
    records: rowsOf(before?.records ?? [], records),
    connections: connections.map(({ shared, ...connection }) => {
      const { shared: had, ...was } = old.get(connection.grant) ?? { shared: [] };
      const rows = rowsOf(had, shared);
      return {
        grant: connection.grant,
        rest: JSON.stringify(was) === JSON.stringify(connection) ? undefined : connection,
        shared: rows.put.length === 0 && rows.dropped.length === 0 ? undefined : rows,
      };
    }),
  };
}

export function applyChange(before: StoreView | undefined, { rest, records, connections }: StoreChange): StoreView {
  const old = new Map(before?.connections.map((each) => [each.grant, each]));
  return {
    ...rest,
    records: applyRows(before?.records ?? [], records),
    connections: connections.flatMap(({ grant, rest: changed, shared }) => {
      const was = old.get(grant);
      if (was !== undefined && changed === undefined && shared === undefined) return was;
      const connection = changed ?? was;
      if (connection === undefined) return [];
      return { ...connection, shared: shared === undefined ? (was?.shared ?? []) : applyRows(was?.shared ?? [], shared) };
    }),
  };
}

type Row = { readonly path: string };

function rowsOf<T extends Row>(before: readonly T[], after: readonly T[]): Rows<T> {
  const had = new Map(before.map((each) => [each.path, each]));
  const put = after.filter((each) => had.get(each.path) !== each);
  for (const { path } of after) had.delete(path);
  return { put, dropped: [...had.keys()] };
}

function applyRows<T extends Row>(before: readonly T[], { put, dropped }: Rows<T>): readonly T[] {
  if (put.length === 0 && dropped.length === 0) return before;
  const rows = new Map(before.map((each) => [each.path, each]));
  for (const path of dropped) rows.delete(path);
  for (const row of put) rows.set(row.path, row);
  return [...rows.values()];
}
