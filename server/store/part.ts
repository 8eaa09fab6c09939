import { Refusal } from "#protocol/refusal.ts";
import { type GrantRow, LAST, ordered, type Rows } from "../rows.ts";
import { type Storage, StorageError, type StoreWriter } from "../storage/storage.ts";
import { type Ended, holdBack } from "./changes.ts";
import { owedNow } from "./deletion.ts";
import { admit, type Given, give, type Place, type Terms } from "./read.ts";
import { grantOf } from "./shares.ts";

/** Which vendor reads, and the thumbprint of its key. */
export interface BulkReader {
  readonly clientId: string;
  readonly jkt: string;
}

/** One page of a grant, and the consent by which it was given. */
export interface GivenPart extends Given, Pick<GrantRow, "consent" | "grantKey"> {
  readonly type: "given";
  readonly complete: boolean;
  /** Through which position of the grant it gives all of what changed. */
  readonly through: number;
  /** Where a pull of this grant alone goes on. */
  readonly next: number;
  /** Whether it begins at the beginning and leaves out nothing: with what follows it is all that there is. */
  readonly whole: boolean;
  /** Whether that is as of now. */
  readonly current: boolean;
}

/** What one grant gives to a bulk read now. `known`: who has this knows of the grant's changes through that position of it. */
export type Part =
  | GivenPart
  | { readonly type: "held"; readonly until: number | null; readonly known: number }
  | { readonly type: "paused"; readonly known: number }
  | ({ readonly type: "ended"; readonly known: number } & Ended)
  /** It is not here any more, or never was this reader's: what became of it, only the feed says. */
  | { readonly type: "gone" }
  /** Another read has come between two pages of this one. */
  | { readonly type: "overtaken" };

/** `owed`: after which position the reader has nothing if this gives nothing. */
export interface Wanted extends Place {
  readonly owed: number;
}

const GONE: Part = { type: "gone" };

/**
 * Reads one page of a grant as a pull does: state now, expiry, frequency, paths, then a line in the history. What it can't give is
 * remembered, since the reader's cursor goes on.
 * @throws {StorageError}
 */
export async function readPart(
  storage: Pick<Storage<Rows>, "find" | "change">,
  reader: BulkReader,
  grant: string,
  wanted: Wanted,
  terms: Terms,
): Promise<Part> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return GONE;
  try {
    return await storage.change(account, (store) => partOf(store, reader, grant, wanted, terms));
  } catch (error) {
    if (error instanceof StorageError && error.code === "absent") return GONE;
    if (error instanceof Refusal && error.code === "cursor_expired") return { type: "overtaken" };
    throw error;
  }
}

async function partOf(
  store: StoreWriter<Rows>,
  { clientId, jkt }: BulkReader,
  grant: string,
  { owed, ...wanted }: Wanted,
  terms: Terms,
): Promise<Part> {
  const known = await grantOf(store, grant).catch(() => undefined);
  if (known === undefined || known.row.vendor.clientId !== clientId) return GONE;
  const { row, standing } = known;
  const { position } = standing;
  // Of a store that was put back to an earlier state all is read.
  const place = wanted.since > position ? { since: 0, page: undefined } : wanted;
  const reader = { grant, known, jkt, narrowed: null };
  const admission = await admit(store, reader, place, terms);
  const { since } = place;
  if (admission.state === "paused") {
    await holdBack(store, grant, { from: owed, until: null });
    return { type: "paused", known: position };
  }
  if (admission.state === "held" || (admission.state === "open" && admission.held === "all")) {
    await holdBack(store, grant, { from: owed, until: admission.until });
    return { type: "held", until: admission.until, known: position };
  }
  if (admission.state !== "open")
    return { type: "ended", state: admission.state, deleteBy: owedNow(known, terms.now)?.by ?? null, known: position };
  const given = await give(store, reader, place, admission, terms);
  if (admission.held === "some") await holdBack(store, grant, { from: owed, until: admission.until });
  return {
    type: "given",
    ...given,
    through: admission.through,
    next: admission.held === "none" ? admission.through : since,
    whole: since === 0 && admission.held === "none",
    current: admission.through === position,
    consent: row.consent,
    grantKey: row.grantKey,
    complete: standing.complete,
  };
}

/** Whether something has changed behind this position of a grant. */
export async function hasNewer(storage: Pick<Storage<Rows>, "find" | "read">, grant: string, through: number): Promise<boolean> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return false;
  const after = `${grant}/${ordered(through)}/${LAST}`;
  const rows = await storage.read(account, (store) => store.list("shares", { prefix: `${grant}/`, after, limit: 1 }));
  return rows.length > 0;
}

/** Remembers what nobody has even tried to read, or what was cut off. */
export async function postpone(
  storage: Pick<Storage<Rows>, "find" | "change">,
  grant: string,
  { from, until }: { from: number; until: number },
): Promise<void> {
  const account = await storage.find("grant", grant);
  if (account === undefined) return;
  await storage
    .change(account, async (store) => {
      if ((await store.get("standings", grant)) !== undefined) await holdBack(store, grant, { from, until });
    })
    .catch((error: unknown) => {
      if (!(error instanceof StorageError && error.code === "absent")) throw error;
    });
}
