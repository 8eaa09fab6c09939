import { LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { type GrantState, isEnded } from "#protocol/grant.ts";
import { isNoWider } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import { type FixedRow, type GrantRow, LAST, type ObjectRow, ordered, type Rows, type ShareRow, type StandingRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { objectRow } from "./consent.ts";
import { noteRead, sizeOfLine, sizeOfReads } from "./history.ts";
import { type Grant, objectsFor, sharesOf, stateNow } from "./shares.ts";

const FIXED = 3_600_000;

/** Which of a grant's shares. `since`: after which position in it. Later pages of one read also say through which, and after which share. */
export interface Place {
  readonly since: number;
  readonly page: { readonly through: number; readonly after: string } | undefined;
}

/** Where a page ends: after so many shares, or characters of bodies. */
export interface PageSize {
  readonly shares: number;
  readonly characters: number;
}

export interface Terms {
  readonly now: number;
  /** How often a read that counts may be repeated within its hour. */
  readonly repeats: number;
  readonly size: PageSize;
}

/** A vendor that has proven itself, and the grant as it is. */
export interface Reader {
  readonly grant: string;
  readonly known: Grant;
  /** Thumbprint of its key: stands in the history. */
  readonly jkt: string;
  /** Where it wants less than was granted (RFC 9396, 6): what, and a name for that. */
  readonly narrowed: { readonly details: AuthorizationDetails; readonly name: string } | null;
}

/** What a read may give. */
export interface Admission {
  readonly state: "open";
  readonly since: number;
  readonly through: number;
  /** Bits of the objects that can be read now. */
  readonly objects: number;
  /** Whether some or all values wait for their time: then what they changed after stays `since`. */
  readonly held: "none" | "some" | "all";
  /** When the first of them can be read (epoch milliseconds); null: not by time alone. */
  readonly until: number | null;
  readonly fixed: FixedRow | null;
}

/** Why it gives nothing. `held`: over its frequency, until then; null: for good. */
export type Refused = { readonly state: Exclude<GrantState, "active"> } | { readonly state: "held"; readonly until: number | null };

/** One page that was given: its line in the history is durable with the change that it is made in. */
export interface Given {
  readonly page: readonly ShareRow[];
  /** After which share the next page begins; undefined: this is the last. */
  readonly after: string | undefined;
  readonly read: number;
}

/** What a reader may read, and what its bits are about. */
interface View {
  readonly rows: readonly ObjectRow[];
  /** The consent's own objects: which of them each of `rows` is within, since lower frequencies may add up to more than theirs. */
  readonly consent: { readonly rows: readonly ObjectRow[]; readonly bits: readonly number[] } | undefined;
  readonly bitsOf: (share: ShareRow) => number;
  /** Names consent and details: bits of another name mean something else. */
  readonly under: string;
}

function viewOf({ known, narrowed }: Pick<Reader, "known" | "narrowed">): View {
  const { n = 1, objects, details }: GrantRow = known.row;
  if (narrowed !== null)
    return {
      rows: narrowed.details.map(objectRow),
      consent: {
        rows: objects,
        bits: narrowed.details.map((each) => details.reduce((bits, wide, at) => (isNoWider([each], [wide]) ? bits | (1 << at) : bits), 0)),
      },
      bitsOf: ({ path }) => objectsFor(narrowed.details, path),
      under: narrowed.name,
    };
  const bitsOf = (share: ShareRow): number => ((share.n ?? 1) === n ? share.objects : objectsFor(details, share.path));
  return { rows: objects, consent: undefined, bitsOf, under: String(n) };
}

/**
 * What may be read now: by the grant's state, expiry and frequency (protocol, section 7), in this order. Where a frequency binds, a read
 * is fixed at its first page's position: later pages, and the same place again within an hour, give nothing newer and don't count. After
 * `repeats` of what was given already, another read begins.
 * @throws {Refusal} `cursor_expired`: another read has taken the place of the one that this page is of
 */
export async function admit(
  store: StoreWriter<Rows>,
  { grant, known, narrowed }: Reader,
  { since, page }: Place,
  { now, repeats }: Pick<Terms, "now" | "repeats">,
): Promise<Admission | Refused> {
  const state = stateNow(known, now);
  if (state === "paused" || isEnded(state)) return { state: state as Exclude<GrantState, "active"> };
  const { standing } = known;
  // Its customer is moving: it comes back to the feed here or at the other server.
  if (standing.moving) return { state: "held", until: null };
  // Every read is written down, and what can be written down has an end: its customer may give another grant.
  if (writtenOf(standing) >= LIMITS.history) return { state: "held", until: null };
  if (((await store.get("counter", "position"))?.written ?? 0) >= LIMITS.histories) return { state: "held", until: null };
  const { position, fixed } = standing;
  const { rows, consent, under } = viewOf({ known, narrowed });
  const open = { state: "open", since, until: null, fixed } as const;
  const alive = aliveIn(rows, now);
  const bound = rows.some(({ frequency }, at) => frequency !== null && alive & (1 << at));
  if (!bound) return { ...open, through: page?.through ?? position, objects: alive, held: "none" };
  if (!standing.complete) return { ...open, through: since, objects: 0, held: "all" };
  const isSame =
    fixed !== null &&
    (fixed.under ?? "1") === under &&
    fixed.since === since &&
    now < fixed.at + FIXED &&
    (page === undefined || page.through === fixed.through);
  const going = isSame ? readOn(fixed, page?.after) : undefined;
  const window = () => withinFrequency(store, grant, rows, alive, now);
  if (going !== undefined && going.repeats <= repeats) {
    const objects = going.objects & alive;
    if (objects === alive) return { ...open, through: going.through, objects, held: "none", fixed: going };
    return { ...open, through: going.through, objects, held: "some", until: (await window()).until ?? now, fixed: going };
  }
  if (page !== undefined && going === undefined)
    throw new Refusal("cursor_expired", "A newer read has taken the place of this one. Read on from its cursor.");
  const own = await window();
  const whole = consent && (await withinFrequency(store, grant, consent.rows, aliveIn(consent.rows, now), now));
  const objects = rows.reduce(
    (bits, _, at) => (whole && !((consent?.bits[at] ?? 0) & whole.objects) ? bits & ~(1 << at) : bits),
    own.objects,
  );
  if (objects === 0) return { state: "held", until: (own.objects === 0 ? own : (whole ?? own)).until };
  if (page !== undefined) throw new Refusal("cursor_expired", "This page was read too often. Read from the beginning again.");
  await forgetCounted(store, grant, consent?.rows ?? rows, now);
  store.put("counted", `${grant}/${ordered(now)}/${ordered(position)}`, {});
  return {
    ...open,
    through: position,
    objects,
    held: objects === alive ? "none" : "some",
    until: own.until,
    fixed: { since, through: position, at: now, objects, repeats: 0, next: null, ...(under === "1" ? {} : { under }) },
  };
}

/** Reads one page of what was admitted, and writes it into the history. */
export async function give(
  store: StoreWriter<Rows>,
  reader: Reader,
  place: Place,
  { through, objects, held, fixed }: Admission,
  { now, size }: Pick<Terms, "now" | "size">,
): Promise<Given> {
  const { grant, jkt } = reader;
  const { standing } = reader.known;
  const { page, after } =
    held === "all" ? { page: [], after: undefined } : await pageOf(store, grant, place, { through, objects, view: viewOf(reader), size });
  const read = standing.reads + 1;
  const paths = page.map(({ path }) => path);
  const line = await noteRead(store, { at: now, grant, number: read, paths, by: jkt }, standing.line);
  const next: StandingRow = {
    ...standing,
    position: standing.position + 1,
    reads: read,
    written: writtenOf(standing) + (line === standing.line ? sizeOfReads(1) : sizeOfLine(paths)),
    lastRead: now,
    line,
    fixed: fixed && { ...fixed, next: after ?? null },
  };
  store.put("standings", grant, next);
  return { page, after, read };
}

/** Of a grant from before it was counted, or from another server: as if all its reads had been alike. */
const writtenOf = ({ written, reads }: StandingRow): number => written ?? sizeOfReads(reads);

const aliveIn = (rows: readonly ObjectRow[], now: number): number =>
  rows.reduce((bits, { read, expires }, at) => (read && now < expires ? bits | (1 << at) : bits), 0);

/** The page after the last one goes on with the read; any other, and whatever a vendor makes up as one, repeats it. */
const readOn = (fixed: FixedRow, after: string | undefined): FixedRow =>
  after !== undefined && after === fixed.next ? fixed : { ...fixed, repeats: fixed.repeats + 1 };

/** Reads that no window reaches back to: two go for one that comes, so that few are left. */
async function forgetCounted(store: StoreWriter<Rows>, grant: string, rows: readonly ObjectRow[], now: number): Promise<void> {
  if (rows.some(({ frequency }) => frequency !== null && frequency.per === null)) return;
  const longest = Math.max(...rows.map(({ frequency }) => frequency?.per ?? 0));
  for (const [key] of await store.list("counted", { prefix: `${grant}/`, limit: 2 }))
    if (key < `${grant}/${ordered(now - longest)}/${LAST}`) store.delete("counted", key);
}

/** The objects whose rolling windows have room for one more read; and when the first of the others has, if it ever has. */
async function withinFrequency(
  store: StoreWriter<Rows>,
  grant: string,
  rows: readonly ObjectRow[],
  alive: number,
  now: number,
): Promise<{ objects: number; until: number | null }> {
  let objects = 0;
  let until = Number.POSITIVE_INFINITY;
  for (const [at, { frequency }] of rows.entries()) {
    if (!(alive & (1 << at))) continue;
    const from = frequency?.per == null ? 0 : now - frequency.per;
    const counted =
      frequency === null
        ? []
        : await store.list("counted", { prefix: `${grant}/`, after: `${grant}/${ordered(from)}/${LAST}`, limit: frequency.max });
    if (frequency === null || counted.length < frequency.max) objects |= 1 << at;
    else if (frequency.per !== null)
      until = Math.min(until, Number.parseInt((counted[0]?.[0] ?? "").split("/")[1] ?? "0", 36) + frequency.per);
  }
  return { objects, until: Number.isFinite(until) ? until : null };
}

async function pageOf(
  store: StoreWriter<Rows>,
  grant: string,
  { since, page }: Place,
  { through, objects, view: { bitsOf }, size }: { through: number; objects: number; view: View; size: PageSize },
): Promise<{ page: ShareRow[]; after: string | undefined }> {
  const rows: ShareRow[] = [];
  let characters = 0;
  const after = `${grant}/${page === undefined ? `${ordered(since)}/${LAST}` : page.after}`;
  const end = `${grant}/${ordered(through)}/${LAST}`;
  let last = after;
  let seen = 0;
  for await (const list of sharesOf(store, grant, { after, most: size.shares + 1 }))
    for (const [key, row] of list) {
      if (key > end) return { page: rows, after: undefined };
      if (seen === size.shares || characters > size.characters) return { page: rows, after: last.slice(23) };
      seen++;
      last = key;
      if ((bitsOf(row) & objects) === 0) continue;
      rows.push(row);
      characters += row.body.length;
    }
  return { page: rows, after: undefined };
}
