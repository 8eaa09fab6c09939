import type { Rows } from "../rows.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
import { goneAt } from "./gone.ts";

/** Erases a store if its time has come: its customer may have kept it since. Answers whether it did. */
export async function eraseDue(storage: Pick<Storage<Rows>, "erase">, account: string, now: number): Promise<boolean> {
  try {
    await storage.erase(account, async (store) => {
      if ((await goneAt(store)) > now) throw new NotDue();
    });
    return true;
  } catch (error) {
    // Somebody else was first.
    if (error instanceof NotDue || (error instanceof StorageError && error.code === "absent")) return false;
    throw error;
  }
}

class NotDue extends Error {}
