import { canonical } from "#protocol/canonical.ts";
import { isNoWider } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest, instant } from "../digest.ts";
import type { GrantToken } from "../guards/access-token.ts";
import { limitRate } from "../guards/rate.ts";
import { invalidToken, proveToken } from "../guards/shown-token.ts";
import { type FixedRow, type GrantRow, LAST, type ObjectRow, ordered, type Rows, type ShareRow, type StandingRow } from "../rows.ts";
import { StorageError, type StoreWriter } from "../storage/storage.ts";
import { objectRow } from "../store/consent.ts";
import { noteRead } from "../store/history.ts";
import { grantOf, objectsFor, stateNow } from "../store/shares.ts";
import type { Endpoints } from "./endpoint.ts";

const PAGE = 1000;
/** Characters of bodies after which a page ends. */
const PAGE_SIZE = 4_000_000;
const FIXED = 3_600_000;

/** A vendor reads what it was granted (protocol, section 7): checked in the order in which it stands there. */
export const records: Endpoints<"records"> = {
  async records(deps, { id, header, answer, query }) {
    const { issuer, rates } = deps.config;
    const token = await proveToken(deps, { method: "GET", path: `/api/grants/${id}/records`, header, answer });
    if (token.grant === null || token.grant !== id) throw invalidToken(issuer, "This token is for another grant.");
    const now = deps.now();
    await limitRate(deps.storage, "pull", id, rates.pulls, now);
    const cursor = readCursor(query.since, tagOf(token));
    const account = await deps.storage.find("grant", id);
    if (account === undefined) throw gone();
    try {
      return await deps.storage.change(account, (store) => read(store, token, cursor, { now, repeats: rates.repeats, issuer }));
    } catch (error) {
      throw error instanceof StorageError && error.code === "absent" ? gone() : error;
    }
  },
};

const gone = (): Refusal => new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.");

/** Names the details of a token that was narrowed; undefined: those of the consent. */
const tagOf = ({ narrowed }: GrantToken): string | undefined => (narrowed === null ? undefined : digest(canonical(narrowed)).slice(0, 11));

/** `since`: after which position in its grant. Later pages of one read also say through which, and after which share. */
interface Cursor {
  readonly since: number;
  readonly page: { readonly through: number; readonly after: string } | undefined;
}

const CURSOR = /^(?:([A-Za-z0-9_-]{11})~)?(\d{1,15})(?:\.(\d{1,15})\.([0-9a-z]{11}\/[A-Za-z0-9/_:-]{1,200}))?$/;

/** @param tag what goes before the cursors of a narrowed token: under other details, other shares have been passed over */
function readCursor(text: string | undefined, tag: string | undefined): Cursor {
  if (text === undefined) return { since: 0, page: undefined };
  const [, own, since, through, after] = CURSOR.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  if (since === undefined || own !== tag)
    throw new Refusal("cursor_expired", "This cursor is not one of this grant, or of other details. Read from the beginning.", {
      pointer: "/since",
    });
  return { since: Number(since), page: through === undefined || after === undefined ? undefined : { through: Number(through), after } };
}

const writeCursor = (text: string, tag: string | undefined): string =>
  Buffer.from(tag === undefined ? text : `${tag}~${text}`, "latin1").toString("base64url");

/** What a token may read of its grant, and what its bits are about. */
interface View {
  readonly rows: readonly ObjectRow[];
  /** The consent's own objects: which of them each of `rows` is within, since lower frequencies may add up to more than theirs. */
  readonly consent: { readonly rows: readonly ObjectRow[]; readonly bits: readonly number[] } | undefined;
  readonly bitsOf: (share: ShareRow) => number;
  /** Names consent and details: bits of another name mean something else. */
  readonly under: string;
}

function viewOf({ narrowed }: GrantToken, { n = 1, objects, details }: GrantRow, tag: string | undefined): View {
  if (narrowed !== null)
    return {
      rows: narrowed.details.map(objectRow),
      consent: {
        rows: objects,
        bits: narrowed.details.map((each) => details.reduce((bits, wide, at) => (isNoWider([each], [wide]) ? bits | (1 << at) : bits), 0)),
      },
      bitsOf: ({ path }) => objectsFor(narrowed.details, path),
      under: tag ?? "",
    };
  const bitsOf = (share: ShareRow): number => ((share.n ?? 1) === n ? share.objects : objectsFor(details, share.path));
  return { rows: objects, consent: undefined, bitsOf, under: String(n) };
}

interface Terms {
  readonly now: number;
  readonly repeats: number;
  readonly issuer: string;
}

async function read(store: StoreWriter<Rows>, token: GrantToken, cursor: Cursor, { now, repeats, issuer }: Terms) {
  const { grant } = token;
  const known = await grantOf(store, grant).catch(() => {
    throw gone();
  });
  const { row, standing } = known;
  if (row.vendor.clientId !== token.clientId) throw invalidToken(issuer, "This token is another vendor's.");
  if ((row.generation ?? 0) !== token.generation) throw invalidToken(issuer, "This token was revoked. Get a new one.");
  const state = stateNow(known, now);
  if (state === "paused") throw new Refusal("grant_paused", "The customer has paused this grant. Try again later.");
  if (state !== "active") throw new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.", { extra: { state } });
  // What it was narrowed from is no longer what the customer allows.
  if (token.narrowed !== null && token.narrowed.n !== (row.n ?? 1))
    throw invalidToken(issuer, "This token is of an earlier consent. Get a new one.");
  const tag = tagOf(token);
  const view = viewOf(token, row, tag);
  const { position } = standing;
  if (cursor.since > position || (cursor.page?.through ?? 0) > position)
    throw new Refusal("cursor_expired", "This cursor is of another life of this grant. Read from the beginning.");
  const { since, through, objects, held, fixed } = await admit(store, grant, view, standing, cursor, now, repeats);
  const shares = held === "all" ? { page: [], after: undefined } : await pageOf(store, grant, cursor, through, objects, view);
  const paths = shares.page.map(({ path }) => path);
  const number = standing.reads + 1;
  const line = await noteRead(store, { at: now, grant, number, paths, by: token.jkt }, standing.line);
  store.put("standings", grant, {
    ...standing,
    position: position + 1,
    reads: number,
    lastRead: now,
    line,
    fixed: fixed && { ...fixed, next: shares.after ?? null },
  });
  const next = shares.after !== undefined ? `${since}.${through}.${shares.after}` : String(held === "none" ? through : since);
  return {
    consent: row.consent,
    grant_key: row.grantKey,
    complete: standing.complete,
    records: shares.page.map(recordOf()),
    cursor: writeCursor(next, tag),
    more: shares.after !== undefined,
    receipt: { read: number, at: instant(now) },
  };
}

/** What is shared together was updated together: one date is written for all of it. */
function recordOf(): (row: ShareRow) => { path: string; version: number; body: string; updated: string } {
  let at = Number.NaN;
  let text = "";
  return ({ path, version, body, updated }) => {
    if (updated !== at) [at, text] = [updated, instant(updated)];
    return { path, version, body, updated: text };
  };
}

interface Admitted {
  since: number;
  through: number;
  /** Bits of the objects of the consent that can be read now. */
  objects: number;
  /** Whether some or all values wait for their time: then the cursor stays. */
  held: "none" | "some" | "all";
  fixed: FixedRow | null;
}

/**
 * What this read may give. Where a frequency binds, a read is fixed at its first page's position: later pages, and the same cursor
 * again within an hour, give nothing newer and don't count. After `repeats` of what was given already, another read begins.
 */
async function admit(
  store: StoreWriter<Rows>,
  grant: string,
  { rows, consent, under }: View,
  standing: StandingRow,
  { since, page }: Cursor,
  now: number,
  repeats: number,
): Promise<Admitted> {
  const { position, fixed } = standing;
  const alive = aliveIn(rows, now);
  const bound = rows.some(({ frequency }, at) => frequency !== null && alive & (1 << at));
  if (!bound) return { since, through: page?.through ?? position, objects: alive, held: "none", fixed };
  if (!standing.complete) return { since, through: since, objects: 0, held: "all", fixed };
  const isSame =
    fixed !== null &&
    (fixed.under ?? "1") === under &&
    fixed.since === since &&
    now < fixed.at + FIXED &&
    (page === undefined || page.through === fixed.through);
  const going = isSame ? readOn(fixed, page?.after) : undefined;
  if (going !== undefined && going.repeats <= repeats) {
    const objects = going.objects & alive;
    return { since, through: going.through, objects, held: objects === alive ? "none" : "some", fixed: going };
  }
  if (page !== undefined && going === undefined)
    throw new Refusal("cursor_expired", "A newer read has taken the place of this one. Read on from its cursor.");
  const own = await withinFrequency(store, grant, rows, alive, now);
  const whole = consent && (await withinFrequency(store, grant, consent.rows, aliveIn(consent.rows, now), now));
  const objects = rows.reduce(
    (bits, _, at) => (whole && !((consent?.bits[at] ?? 0) & whole.objects) ? bits & ~(1 << at) : bits),
    own.objects,
  );
  if (objects === 0) {
    const { until } = own.objects === 0 ? own : (whole ?? own);
    const retryAfter = Math.max(1, Math.ceil((until - now) / 1000));
    throw new Refusal("frequency_exceeded", "This grant was read as often as its customer allows.", { extra: { retryAfter } });
  }
  if (page !== undefined) throw new Refusal("cursor_expired", "This page was read too often. Read from the beginning again.");
  await forgetCounted(store, grant, consent?.rows ?? rows, now);
  store.put("counted", `${grant}/${ordered(now)}/${ordered(position)}`, {});
  return {
    since,
    through: position,
    objects,
    held: objects === alive ? "none" : "some",
    fixed: { since, through: position, at: now, objects, repeats: 0, next: null, ...(under === "1" ? {} : { under }) },
  };
}

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

/** The objects whose rolling windows have room for one more read; and when the first of the others has. */
async function withinFrequency(
  store: StoreWriter<Rows>,
  grant: string,
  rows: readonly ObjectRow[],
  alive: number,
  now: number,
): Promise<{ objects: number; until: number }> {
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
  return { objects, until: Number.isFinite(until) ? until : now + 86_400_000 };
}

async function pageOf(
  store: StoreWriter<Rows>,
  grant: string,
  { since, page }: Cursor,
  through: number,
  objects: number,
  { bitsOf }: View,
): Promise<{ page: ShareRow[]; after: string | undefined }> {
  const rows: ShareRow[] = [];
  let size = 0;
  const after = `${grant}/${page === undefined ? `${ordered(since)}/${LAST}` : page.after}`;
  const end = `${grant}/${ordered(through)}/${LAST}`;
  const list = await store.list("shares", { prefix: `${grant}/`, after, limit: PAGE + 1 });
  for (const [index, [key, row]] of list.entries()) {
    if (key > end) break;
    if (index === PAGE || size > PAGE_SIZE) return { page: rows, after: (list[index - 1] as (typeof list)[number])[0].slice(23) };
    if ((bitsOf(row) & objects) === 0) continue;
    rows.push(row);
    size += row.body.length;
  }
  return { page: rows, after: undefined };
}
