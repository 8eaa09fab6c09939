import { type HistoryRow, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";

export const positionOf = async (store: StoreReader<Rows>): Promise<number> => (await store.get("counter", "position"))?.position ?? 0;

/** Adds a line to the store's history and answers its position. `paths` is cut to what a line may hold; `count` tells all. */
export async function note(
  store: StoreWriter<Rows>,
  line: Pick<HistoryRow, "at" | "type"> & Partial<Pick<HistoryRow, "grant" | "number" | "paths" | "by">>,
): Promise<number> {
  const position = (await positionOf(store)) + 1;
  const { at, type, grant = null, number = null, paths = [], by = null } = line;
  store.put("counter", "position", { position });
  store.put("history", ordered(position), { at, type, grant, number, paths: paths.slice(0, 100), count: paths.length, by });
  return position;
}
