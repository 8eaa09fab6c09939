import type { Rows } from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";

/** From when on a store is as good as erased, whether the sweep has reached it or not. Epoch milliseconds; infinite: it stays. */
export const goneAt = async (store: StoreReader<Rows>): Promise<number> =>
  (await store.get("store", "store"))?.erasing ?? Number.POSITIVE_INFINITY;
