import { randomBytes } from "node:crypto";
import { ordered, type Rows } from "../../server/rows.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { changesFeedOf, noteChange } from "../../server/store/changes.ts";

const AT_ONCE = 50;

/**
 * Makes stores with a grant like the one that is there, and shares as large as told: nothing in them can be opened, but what a read
 * touches is as it is. Answers the grants.
 */
export async function fillStores(
  storage: Storage<Rows>,
  like: { account: string; grant: string },
  { stores, records, bytes }: { stores: number; records: number; bytes: number },
): Promise<string[]> {
  const { grant: row, standing } = await storage.read(like.account, async (store) => ({
    grant: (await store.get("grants", like.grant)) as Rows["grants"],
    standing: (await store.get("standings", like.grant)) as Rows["standings"],
  }));
  const body = randomBytes(Math.ceil((bytes * 3) / 4)).toString("base64url");
  const grants: string[] = [];
  for (let from = 0; from < stores; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, stores - from) }, () => {
        const grant = randomBytes(16).toString("base64url");
        grants.push(grant);
        return storage.create(randomBytes(16).toString("base64url"), async (store) => {
          store.put("counter", "position", { position: 1 });
          store.put("grants", grant, row);
          store.put("standings", grant, { ...standing, position: 1 });
          store.point("grant", grant);
          for (let n = 0; n < records; n++) {
            const path = `profile/emails/e${String(n).padStart(6, "0")}`;
            store.put("shares", `${grant}/${ordered(1)}/${path}`, { path, version: 1, body, updated: 0, objects: 1 });
          }
          await noteChange(store, grant, row, { at: 0, from: 0 });
        });
      }),
    );
  return grants;
}

export const feedLength = async (storage: Storage<Rows>, clientId: string): Promise<number> =>
  (await storage.readFeed(changesFeedOf(clientId), { limit: 100_000 })).length;
