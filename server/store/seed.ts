import { isEnded } from "#protocol/grant.ts";
import { randomText } from "../digest.ts";
import type { Rows } from "../rows.ts";
import { type DocumentName, type Storage, StorageError, type StoreWriter } from "../storage/storage.ts";
import { noteChange } from "./changes.ts";
import { grantOf, stateNow } from "./shares.ts";

/** How far it has come: stores through `after` are done; null: all are. */
interface SeedDocument {
  readonly after: string | null;
}

const DOCUMENT: DocumentName = "changes/seed";
const LEASE = 60_000;
const PAGE = 200;
const AT_ONCE = 4;

type Stores = Pick<Storage<Rows>, "listStores" | "change" | "getDocument" | "putDocument" | "hold" | "release">;

/**
 * Tells vendors' feeds of the grants of stores that are older than the feeds, once in a deployment's life; it goes on where it was cut.
 * A grant that is in its feed already is told of twice, which costs its vendor one more read.
 */
export async function seedFeeds(storage: Stores, now: () => number, isStopping: () => boolean = () => false): Promise<void> {
  let { after } = (await storage.getDocument<SeedDocument>(DOCUMENT)) ?? { after: "" };
  const holder = randomText(16);
  while (after !== null && !isStopping()) {
    if (!(await storage.hold("seed", holder, LEASE))) return;
    const ids = await storage.listStores({ limit: PAGE, ...(after === "" ? {} : { after }) });
    for (let at = 0; at < ids.length; at += AT_ONCE) await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => tellOf(storage, id, now())));
    after = ids.length < PAGE ? null : (ids.at(-1) ?? null);
    await storage.putDocument<SeedDocument>(DOCUMENT, { after });
  }
  await storage.release("seed", holder);
}

async function tellOf(storage: Stores, id: string, now: number): Promise<void> {
  try {
    await storage.change(id, (store) => tellAll(store, now));
  } catch (error) {
    // Gone meanwhile, or broken: nobody could read it.
    if (!(error instanceof StorageError && (error.code === "absent" || error.code === "corrupt"))) throw error;
  }
}

async function tellAll(store: StoreWriter<Rows>, now: number): Promise<void> {
  for (const [grant] of await store.list("standings", { limit: 100_000 })) {
    const known = await grantOf(store, grant);
    if (!isEnded(stateNow(known, now))) await noteChange(store, grant, known.row, { at: now, from: 0 });
  }
}
