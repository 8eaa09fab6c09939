import { Refusal } from "#protocol/refusal.ts";
import type { Rows } from "../rows.ts";
import { type Storage, StorageError, type StoreReader, type StoreWriter } from "../storage/storage.ts";
import { goneAt } from "./gone.ts";
import { type Grant, grantOf } from "./shares.ts";
import { requireServed } from "./whereabouts.ts";

/** Which vendor asks for which of its grants, and when (epoch milliseconds). */
export interface Asked {
  readonly clientId: string;
  readonly grant: string;
  readonly now: number;
}

/** The work on a grant of this vendor's. @throws {Refusal} `not_found`: there is none, it is another's, or its store was erased */
export const readOwn = <Result>(
  storage: Storage<Rows>,
  asked: Asked,
  work: (store: StoreReader<Rows>, known: Grant) => Promise<Result>,
): Promise<Result> => within(storage, asked, (account) => storage.read(account, async (store) => work(store, await own(store, asked))));

/** The same, where the work changes something. */
export const changeOwn = <Result>(
  storage: Storage<Rows>,
  asked: Asked,
  work: (store: StoreWriter<Rows>, known: Grant) => Promise<Result>,
): Promise<Result> =>
  within(storage, asked, (account) =>
    storage.change(account, async (store) => {
      const known = await own(store, asked);
      await requireServed(store, { ...asked, standing: known.standing });
      return work(store, known);
    }),
  );

const noGrant = (): Refusal => new Refusal("not_found", "There is no such grant.");

async function within<Result>(
  storage: Pick<Storage<Rows>, "find">,
  { grant }: Asked,
  work: (account: string) => Promise<Result>,
): Promise<Result> {
  const account = await storage.find("grant", grant);
  if (account === undefined) throw noGrant();
  try {
    return await work(account);
  } catch (error) {
    throw error instanceof StorageError && error.code === "absent" ? noGrant() : error;
  }
}

async function own(store: StoreReader<Rows>, { clientId, grant, now }: Asked): Promise<Grant> {
  const known = await grantOf(store, grant).catch(async (error: unknown) => {
    await requireServed(store, { grant, clientId, standing: undefined });
    throw error;
  });
  if (known.row.vendor.clientId !== clientId || (await goneAt(store)) <= now) throw noGrant();
  return known;
}
