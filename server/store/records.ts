import { type Commit, LIMITS } from "#protocol/api.ts";
import { isRecordPath } from "#protocol/categories.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import type { Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { type LeafChanges, leafAt } from "./leaves.ts";
import type { Weight } from "./weight.ts";

/** Puts the new versions of records and answers how many records are new. */
export async function putRecords(
  { store, leaves, weight }: { store: StoreWriter<Rows>; leaves: LeafChanges; weight: Weight },
  records: Commit["records"],
  epoch: number,
  before: number,
): Promise<number> {
  let fresh = 0;
  for (const [index, { path, version, epoch: sealed, body }] of records.entries()) {
    const pointer = `/records/${index}`;
    if (!isRecordPath(path)) throw new Refusal("invalid_input", "No kind of data lies at this path.", { pointer: `${pointer}/path` });
    if (sealed !== epoch) throw new Refusal("invalid_input", "A record is sealed under the head's epoch.", { pointer: `${pointer}/epoch` });
    const leaf = await leafAt(store, "record", path);
    if (version <= (leaf?.version ?? 0) || leaves.has("record", path))
      throw new Refusal("version_not_newer", "There is this version or a newer one.", { pointer: `${pointer}/version` });
    if (leaf === undefined) fresh++;
    weight.put({ body }, leaf && (await store.get("records", path)), leaf === undefined);
    store.put("records", path, { version, epoch: sealed, body });
    leaves.set({ kind: "record", path, version, hash: digest(body) });
  }
  if (before + fresh > LIMITS.records)
    throw new Refusal("store_full", `A store holds ${LIMITS.records} records at most. Nothing was changed.`);
  return fresh;
}
