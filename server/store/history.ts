import { type HistoryRow, type LineRow, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";

export const positionOf = async (store: StoreReader<Rows>): Promise<number> => (await store.get("counter", "position"))?.position ?? 0;

/** A line as it is told to be written: `paths` is cut to what a line may hold, its count tells all. */
type Told = Pick<LineRow, "at" | "type"> & Partial<Pick<LineRow, "grant" | "number" | "paths" | "by">>;

/** Adds a line to the store's history and answers its position. */
export const note = (store: StoreWriter<Rows>, told: Told): Promise<number> => add(store, lineOf(told));

/** What a line takes besides its paths, and what one takes that names another. */
const LINE = 250;
const AGAIN = 130;

/** About how many characters reads take: those that name another line, or one with its paths. */
export const sizeOfReads = (count: number): number => count * AGAIN;
export const sizeOfLine = (paths: readonly string[]): number =>
  lineOf({ at: 0, type: "read", paths }).paths.reduce((size, path) => size + path.length, LINE);

/**
 * Adds a read's line. A vendor reads the same again and again: paths and key are written where they differ from the grant's last
 * reads, otherwise the line names the one that has them. `last`: where they were last written; answers where they are now.
 */
export async function noteRead(
  store: StoreWriter<Rows>,
  told: Required<Pick<LineRow, "at" | "grant" | "paths" | "by">> & { readonly number: number },
  last: number | undefined,
): Promise<number> {
  const line = lineOf({ ...told, type: "read" });
  const before = last === undefined ? undefined : await store.get("history", ordered(last));
  if (last === undefined || before === undefined || !isAlike(before, line)) return add(store, line, sizeOfLine(told.paths));
  await add(store, { at: told.at, number: told.number, like: last }, AGAIN);
  return last;
}

/** The line with all that it says, also where another has its paths. */
export async function wholeLine(store: StoreReader<Rows>, row: HistoryRow): Promise<LineRow> {
  if (!("like" in row)) return row;
  const line = await store.get("history", ordered(row.like));
  if (line === undefined || "like" in line) throw new Error("the history names a line that it does not have");
  return { ...line, at: row.at, number: row.number };
}

const lineOf = ({ at, type, grant = null, number = null, paths = [], by = null }: Told): LineRow => ({
  at,
  type,
  grant,
  number,
  paths: paths.slice(0, 100),
  count: paths.length,
  by,
});

const isAlike = (row: HistoryRow, { type, grant, paths, count, by }: LineRow): boolean =>
  !("like" in row) &&
  row.type === type &&
  row.grant === grant &&
  row.by === by &&
  row.count === count &&
  row.paths.every((path, at) => path === paths[at]);

/** `read`: how many characters of it a vendor's read is to blame for. */
async function add(store: StoreWriter<Rows>, row: HistoryRow, read = 0): Promise<number> {
  const { position: last, written = 0 } = (await store.get("counter", "position")) ?? { position: 0 };
  const position = last + 1;
  store.put("counter", "position", { position, ...(written + read === 0 ? {} : { written: written + read }) });
  store.put("history", ordered(position), row);
  return position;
}
