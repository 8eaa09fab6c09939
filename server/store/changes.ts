import type { GrantState } from "#protocol/grant.ts";
import { digest } from "../digest.ts";
import type { GrantRow, HeldRow, Rows, StandingRow } from "../rows.ts";
import type { DocumentName, FeedName, StoreWriter } from "../storage/storage.ts";
import { type Appointment, enter, setDue, strike } from "./calendar.ts";

/**
 * One change of a grant in its vendor's feed, for bulk reads (protocol, section 7). Whoever has read the grant at its position `to` or
 * later knows of it; whoever has not reads what changed behind `from`. The last entry of a grant says where it stands; one with `ended`
 * or `moved` outlives the store.
 */
export interface ChangeEntry {
  readonly grant: string;
  /** When it was said (epoch milliseconds), which may be long after it came to be. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly ended?: Ended;
  readonly moved?: Moved;
}

export interface Ended {
  readonly state: Exclude<GrantState, "active" | "paused">;
  /** When what was read must be deleted (epoch milliseconds); null: nothing is owed. */
  readonly deleteBy: number | null;
}

/** To which issuer, by the customer's signed word (protocol/move.ts). */
export interface Moved {
  readonly to: string;
  readonly statement: string;
}

export const changesFeedOf = (clientId: string): FeedName => `changes/${digest(clientId)}`;

/**
 * The document beside a feed. Positions mean something within one life of the server only.
 */
export interface ChangesDocument {
  /** Entries that a later one of their grant has superseded may be gone through this position. */
  readonly compacted: number;
  /** Those later ones lie at or before this position: whoever comes from before `compacted` reads their grants whole. */
  readonly superseding: number;
  /** Last entries of grants may be gone through this position: whoever read less has to begin anew. */
  readonly dropped: number;
  /** Entries that the last compaction left, and the last position then. */
  readonly kept: number;
  readonly last: number;
}

export const changesDocumentOf = (feed: FeedName): DocumentName => feed as `changes/${string}`;

const NOBODY_READ: ChangesDocument = { compacted: 0, superseding: 0, dropped: 0, kept: 0, last: 0 };
export const marksOf = (document: ChangesDocument | undefined): ChangesDocument => document ?? NOBODY_READ;

/**
 * Tells the feed that something of a grant can be read anew, or that it stands otherwise; once in a change of the store, after the rest.
 * @param from after which position of the grant its shares have changed; undefined: no share has
 */
export async function noteChange(
  store: StoreWriter<Rows>,
  grant: string,
  { vendor }: Pick<GrantRow, "vendor">,
  { at, from }: { at: number; from?: number },
): Promise<void> {
  const { held, ...standing } = await standingOf(store, grant);
  const to = standing.position + 1;
  store.put("standings", grant, { ...standing, position: to });
  const entry: ChangeEntry = { grant, at, from: Math.min(from ?? standing.position, held?.from ?? Number.POSITIVE_INFINITY), to };
  store.append(changesFeedOf(vendor.clientId), entry);
  await forgetReturn(store, grant, held);
}

/** The same of an end. */
export async function noteEnd(
  store: StoreWriter<Rows>,
  grant: string,
  { vendor }: Pick<GrantRow, "vendor">,
  { at, ended }: { at: number; ended: Ended },
): Promise<void> {
  await noteLast(store, grant, vendor.clientId, { at, ended });
}

/** The same of a grant that is at another server from now on. */
export async function noteMove(
  store: StoreWriter<Rows>,
  grant: string,
  { vendor }: Pick<GrantRow, "vendor">,
  { at, moved }: { at: number; moved: Moved },
): Promise<void> {
  await noteLast(store, grant, vendor.clientId, { at, moved });
}

async function noteLast(
  store: StoreWriter<Rows>,
  grant: string,
  clientId: string,
  last: Pick<ChangeEntry, "at" | "ended" | "moved">,
): Promise<void> {
  const { held, ...standing } = await standingOf(store, grant);
  const { position } = standing;
  if (held !== undefined) store.put("standings", grant, standing);
  const entry: ChangeEntry = { grant, from: position, to: position + 1, ...last };
  store.append(changesFeedOf(clientId), entry);
  await forgetReturn(store, grant, held);
}

/**
 * Remembers what a bulk read was not given, since its cursor goes on: the next entry has it. Where time alone is in the way, an
 * appointment brings that entry at `until` (epoch milliseconds). It asks for nothing where that is remembered already.
 */
export async function holdBack(store: StoreWriter<Rows>, grant: string, { from, until }: HeldRow): Promise<void> {
  const standing = await standingOf(store, grant);
  const { held } = standing;
  const next: HeldRow = { from: Math.min(from, held?.from ?? from), until: earlier(held?.until ?? null, until) };
  if (held !== undefined && next.from === held.from && next.until === held.until) return;
  store.put("standings", grant, { ...standing, held: next });
  if (next.until === (held?.until ?? null)) return;
  if (held?.until != null) strike(store, returnOf(grant, held.until));
  if (next.until !== null) enter(store, returnOf(grant, next.until));
  await setDue(store);
}

/** Keeps that appointment. `active`: otherwise nobody could read it now, and what makes it readable tells the feed. */
export async function bringBack(
  store: StoreWriter<Rows>,
  grant: string,
  row: GrantRow,
  { at, now, active }: { at: number; now: number; active: boolean },
): Promise<void> {
  const standing = await standingOf(store, grant);
  const { held } = standing;
  if (held?.until !== at) return;
  store.put("standings", grant, { ...standing, held: { from: held.from, until: null } });
  if (active) await noteChange(store, grant, row, { at: now });
}

async function forgetReturn(store: StoreWriter<Rows>, grant: string, held: HeldRow | undefined): Promise<void> {
  if (held?.until == null) return;
  strike(store, returnOf(grant, held.until));
  await setDue(store);
}

const returnOf = (grant: string, at: number): Appointment => ({ at, kind: "return", grant });
const earlier = (one: number | null, other: number | null): number | null =>
  one === null ? other : other === null ? one : Math.min(one, other);

async function standingOf(store: StoreWriter<Rows>, grant: string): Promise<StandingRow> {
  const standing = await store.get("standings", grant);
  if (standing === undefined) throw new Error("a change of a grant that is not there");
  return standing;
}
