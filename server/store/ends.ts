import type { EndedRow, Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { note } from "./history.ts";
import type { Grant } from "./shares.ts";

/** Ends a grant for good by its customer's act, and answers the position of the history's line. */
export async function endGrant(
  store: StoreWriter<Rows>,
  grant: string,
  { row, standing }: Grant,
  { at, act, askDeletion }: Pick<EndedRow, "at" | "act" | "askDeletion">,
): Promise<number> {
  store.put("standings", grant, { ...standing, ended: { state: "revoked", at, actor: "customer", act, askDeletion } });
  store.put("grants", grant, { ...row, refresh: null, pauseSecret: null });
  // Bodies go at once; their leaves stay until the customer's half drops them (protocol, section 4).
  for (const [key] of await store.list("shares", { prefix: `${grant}/`, limit: 100_000 })) store.delete("shares", key);
  return note(store, { at, type: "revoke", grant });
}
