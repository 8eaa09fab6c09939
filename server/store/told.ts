import type { Rows } from "../rows.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
import { note } from "./history.ts";

/** An event that a vendor's stream has acknowledged. */
interface Acknowledged {
  readonly grant: string;
  /** When what it tells of happened. Seconds. */
  readonly of: number;
  /** When it was acknowledged. Epoch milliseconds. */
  readonly at: number;
}

/** Keeps as evidence that the vendor knows of what it has to delete. A store that is gone meanwhile is no fault. */
export async function noteTold(storage: Pick<Storage<Rows>, "find" | "change">, { grant, of, at }: Acknowledged): Promise<void> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return;
  try {
    await storage.change(account, async (store) => {
      const standing = await store.get("standings", grant);
      if (standing === undefined) return;
      await note(store, { at, type: "told", grant });
      const { deletion } = standing;
      // An event of an earlier narrowing says nothing of a later one.
      if (deletion === undefined || deletion.told !== null || of < Math.floor(deletion.since / 1000)) return;
      store.put("standings", grant, { ...standing, deletion: { ...deletion, told: at } });
    });
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "absent")) throw error;
  }
}
