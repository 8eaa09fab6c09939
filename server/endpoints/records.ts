import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { instant } from "../digest.ts";
import type { TokenFacts } from "../guards/access-token.ts";
import { ProofError } from "../guards/dpop.ts";
import { limitRate } from "../guards/rate.ts";
import { type FixedRow, LAST, type ObjectRow, ordered, type Rows, type ShareRow, type StandingRow } from "../rows.ts";
import { StorageError, type StoreWriter } from "../storage/storage.ts";
import { noteRead } from "../store/history.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import type { Call, Endpoints } from "./endpoint.ts";

const PAGE = 1000;
/** Characters of bodies after which a page ends. */
const PAGE_SIZE = 4_000_000;
const FIXED = 3_600_000;

/** A vendor reads what it was granted (protocol, section 7): checked in the order in which it stands there. */
export const records: Endpoints<"records"> = {
  async records(deps, call) {
    const token = tokenOf(deps, call);
    await proofOf(deps, call, token);
    if (token.grant !== call.id) throw invalidToken("invalid_token", "This token is for another grant.");
    const now = deps.now();
    await limitRate(deps.storage, "pull", token.grant, deps.config.rates.pulls, now);
    const cursor = readCursor(call.query.since);
    const account = await deps.storage.find("grant", token.grant);
    if (account === undefined) throw gone();
    try {
      return await deps.storage.change(account, (store) => read(store, token, cursor, now, deps.config.rates.repeats));
    } catch (error) {
      throw error instanceof StorageError && error.code === "absent" ? gone() : error;
    }
  },
};

const gone = (): Refusal => new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.");

function tokenOf({ accessTokens }: Deps, { header }: Call<unknown>): TokenFacts {
  const scheme = header("authorization") ?? "";
  const token = /^dpop /i.test(scheme) ? accessTokens.read(scheme.slice(5).trim()) : undefined;
  if (token === undefined) throw invalidToken("invalid_token", "This access token is not known here or has ended. Get a new one.");
  return token;
}

async function proofOf({ proofs, config }: Deps, { header, id }: Call<unknown>, token: TokenFacts): Promise<void> {
  try {
    const jkt = await proofs.prove(header("dpop"), { method: "GET", url: `${config.issuer}/api/grants/${id}/records`, ath: token.hash });
    if (jkt !== token.jkt) throw new ProofError("the access token is bound to another key");
  } catch (error) {
    if (error instanceof ProofError) throw invalidToken(error.code, `The DPoP proof is refused: ${error.message}.`, error.nonce);
    throw error;
  }
}

const invalidToken = (error: string, detail: string, nonce?: string): Refusal =>
  new Refusal("invalid_token", detail, {
    extra: {
      error,
      challenge: `DPoP error="${error}", algs="ES256 Ed25519 EdDSA PS256"`,
      ...(nonce === undefined ? {} : { dpopNonce: nonce }),
    },
  });

/** `since`: after which position in its grant. Later pages of one read also say through which, and after which share. */
interface Cursor {
  readonly since: number;
  readonly page: { readonly through: number; readonly after: string } | undefined;
}

const CURSOR = /^(\d{1,15})(?:\.(\d{1,15})\.([0-9a-z]{11}\/[A-Za-z0-9/_:-]{1,200}))?$/;

function readCursor(text: string | undefined): Cursor {
  if (text === undefined) return { since: 0, page: undefined };
  const [, since, through, after] = CURSOR.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  if (since === undefined)
    throw new Refusal("cursor_expired", "This cursor is not one of this grant. Read from the beginning.", { pointer: "/since" });
  return { since: Number(since), page: through === undefined || after === undefined ? undefined : { through: Number(through), after } };
}

const writeCursor = (text: string): string => Buffer.from(text, "latin1").toString("base64url");

async function read(store: StoreWriter<Rows>, token: TokenFacts, cursor: Cursor, now: number, repeats: number) {
  const { grant } = token;
  const known = await grantOf(store, grant).catch(() => {
    throw gone();
  });
  const { row, standing } = known;
  if (row.vendor.clientId !== token.clientId) throw invalidToken("invalid_token", "This token is another vendor's.");
  const state = stateNow(known, now);
  if (state === "paused") throw new Refusal("grant_paused", "The customer has paused this grant. Try again later.");
  if (state !== "active") throw new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.", { extra: { state } });
  const { position } = standing;
  if (cursor.since > position || (cursor.page?.through ?? 0) > position)
    throw new Refusal("cursor_expired", "This cursor is of another life of this grant. Read from the beginning.");
  const { since, through, objects, held, fixed } = await admit(store, grant, row.objects, standing, cursor, now, repeats);
  const shares = held === "all" ? { page: [], after: undefined } : await pageOf(store, grant, cursor, through, objects);
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
    cursor: writeCursor(next),
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
  rows: readonly ObjectRow[],
  standing: StandingRow,
  { since, page }: Cursor,
  now: number,
  repeats: number,
): Promise<Admitted> {
  const { position, fixed } = standing;
  const alive = rows.reduce((bits, { read, expires }, at) => (read && now < expires ? bits | (1 << at) : bits), 0);
  const bound = rows.some(({ frequency }, at) => frequency !== null && alive & (1 << at));
  if (!bound) return { since, through: page?.through ?? position, objects: alive, held: "none", fixed };
  if (!standing.complete) return { since, through: since, objects: 0, held: "all", fixed };
  const isSame =
    fixed !== null && fixed.since === since && now < fixed.at + FIXED && (page === undefined || page.through === fixed.through);
  const going = isSame ? readOn(fixed, page?.after) : undefined;
  if (going !== undefined && going.repeats <= repeats) {
    const objects = going.objects & alive;
    return { since, through: going.through, objects, held: objects === alive ? "none" : "some", fixed: going };
  }
  if (page !== undefined && going === undefined)
    throw new Refusal("cursor_expired", "A newer read has taken the place of this one. Read on from its cursor.");
  const { objects, until } = await withinFrequency(store, grant, rows, alive, now);
  if (objects === 0) {
    const retryAfter = Math.max(1, Math.ceil((until - now) / 1000));
    throw new Refusal("frequency_exceeded", "This grant was read as often as its customer allows.", { extra: { retryAfter } });
  }
  if (page !== undefined) throw new Refusal("cursor_expired", "This page was read too often. Read from the beginning again.");
  await forgetCounted(store, grant, rows, now);
  store.put("counted", `${grant}/${ordered(now)}/${ordered(position)}`, {});
  return {
    since,
    through: position,
    objects,
    held: objects === alive ? "none" : "some",
    fixed: { since, through: position, at: now, objects, repeats: 0, next: null },
  };
}

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
): Promise<{ page: ShareRow[]; after: string | undefined }> {
  const rows: ShareRow[] = [];
  let size = 0;
  const after = `${grant}/${page === undefined ? `${ordered(since)}/${LAST}` : page.after}`;
  const end = `${grant}/${ordered(through)}/${LAST}`;
  const list = await store.list("shares", { prefix: `${grant}/`, after, limit: PAGE + 1 });
  for (const [index, [key, row]] of list.entries()) {
    if (key > end) break;
    if (index === PAGE || size > PAGE_SIZE) return { page: rows, after: (list[index - 1] as (typeof list)[number])[0].slice(23) };
    if ((row.objects & objects) === 0) continue;
    rows.push(row);
    size += row.body.length;
  }
  return { page: rows, after: undefined };
}
