import { randomBytes } from "node:crypto";
import type { Rows } from "../../server/rows.ts";
import type { Storage } from "../../server/storage/storage.ts";

/** A store as a real customer's commits made it, to be made many of. */
export interface Model {
  readonly account: string;
  readonly grant: string;
  /** Its rows as text, in which every id that is its own can be replaced. */
  readonly rows: ReadonlyArray<readonly [table: keyof Rows & string, key: string, row: string]>;
}

const PAGE = 10_000;
const AT_ONCE = 64;
const newId = (): string => randomBytes(16).toString("base64url");

export async function modelOf(storage: Storage<Rows>, account: string, grant: string): Promise<Model> {
  const rows: Array<readonly [keyof Rows & string, string, string]> = [];
  await storage.read(account, async (store) => {
    for (let after: readonly [string, string] | undefined; ; ) {
      const page = await store.listAll({ ...(after === undefined ? {} : { after }), limit: PAGE });
      for (const [table, key, row] of page) rows.push([table as keyof Rows & string, key, JSON.stringify(row)]);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = [last[0], last[1]];
    }
  });
  return { account, grant, rows };
}

/**
 * Makes `count` stores like the model, each with ids of its own and a grant of its own to the same vendor: nothing in them can be opened,
 * and their heads and consents are another's, but what a vendor's reads touch is as it is. Answers the grants.
 */
export async function generate(storage: Storage<Rows>, model: Model, count: number): Promise<string[]> {
  const grants: string[] = [];
  for (let from = 0; from < count; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - from) }, async () => {
        const [account, grant] = [newId(), newId()];
        grants.push(grant);
        const own = (text: string): string => text.replaceAll(model.account, account).replaceAll(model.grant, grant);
        await storage.create(account, async (store) => {
          for (const [table, key, row] of model.rows) store.put(table, own(key), JSON.parse(own(row)));
          store.point("grant", grant);
          store.due(Date.now() + 80 * 86_400_000);
        });
      }),
    );
  return grants;
}
