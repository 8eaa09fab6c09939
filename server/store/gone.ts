import { LIMITS } from "#protocol/api.ts";
import type { Rows } from "../rows.ts";
import type { StoreReader } from "../storage/storage.ts";

/**
 * From when on a store is as good as erased, whether the sweep has reached it or not. Epoch milliseconds; infinite: it stays. A copy that
 * came from another server stays for good only once that server may know of it.
 */
export async function goneAt(store: StoreReader<Rows>): Promise<number> {
  const row = await store.get("store", "store");
  if (row === undefined) return (await store.get("filling", "filling"))?.until ?? Number.POSITIVE_INFINITY;
  const { move, erasing = Number.POSITIVE_INFINITY } = row;
  if (move?.state === "moved") return move.at + LIMITS.moved;
  if (move?.state === "arriving" && !move.asked && move.stub === undefined) return move.until;
  return erasing;
}
