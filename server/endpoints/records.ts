import { canonical } from "#protocol/canonical.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest, instant } from "../digest.ts";
import type { GrantToken } from "../guards/access-token.ts";
import { limitRate } from "../guards/rate.ts";
import { invalidToken, proveToken } from "../guards/shown-token.ts";
import type { Rows, ShareRow } from "../rows.ts";
import { StorageError, type StoreWriter } from "../storage/storage.ts";
import { requireThisLife } from "../store/positions.ts";
import { admit, give, type Place, type Refused, type Terms } from "../store/read.ts";
import { grantOf } from "../store/shares.ts";
import { requireServed } from "../store/whereabouts.ts";
import type { Endpoints } from "./endpoint.ts";
import { readCursor, writeCursor } from "./pull-cursor.ts";

const SIZE = { shares: 1000, characters: 4_000_000 };
/** How long to wait where no time is known: the customer may widen the consent. */
const A_DAY = 86_400_000;

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
      return await deps.storage.change(account, (store) => pull(store, token, cursor, { now, repeats: rates.repeats, size: SIZE }, issuer));
    } catch (error) {
      throw error instanceof StorageError && error.code === "absent" ? gone() : error;
    }
  },
};

const gone = (): Refusal => new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.");

/** Names the details of a token that was narrowed; undefined: those of the consent. */
const tagOf = ({ narrowed }: GrantToken): string | undefined => (narrowed === null ? undefined : digest(canonical(narrowed)).slice(0, 11));

async function pull(store: StoreWriter<Rows>, token: GrantToken, cursor: Place, terms: Terms, issuer: string) {
  const { grant, narrowed } = token;
  const known = await grantOf(store, grant).catch(async () => {
    await requireServed(store, { grant, clientId: token.clientId, standing: undefined });
    throw gone();
  });
  const { row, standing } = known;
  if (row.vendor.clientId !== token.clientId) throw invalidToken(issuer, "This token is another vendor's.");
  await requireServed(store, { grant, clientId: token.clientId, standing });
  if ((row.generation ?? 0) !== token.generation) throw invalidToken(issuer, "This token was revoked. Get a new one.");
  const tag = tagOf(token);
  const reader = { grant, known, jkt: token.jkt, narrowed: narrowed && { details: narrowed.details, name: tag ?? "" } };
  const admission = await admit(store, reader, cursor, terms);
  const isOver = admission.state !== "open" && admission.state !== "held";
  if (isOver) throw refusalOf(admission, terms.now);
  // What it was narrowed from is no longer what the customer allows.
  if (narrowed !== null && narrowed.n !== (row.n ?? 1)) throw invalidToken(issuer, "This token is of an earlier consent. Get a new one.");
  const { position } = standing;
  for (const since of [cursor.since, cursor.page?.through ?? 0])
    requireThisLife(since, position, "This cursor is of another life of this grant. Read from the beginning.");
  if (admission.state !== "open") throw refusalOf(admission, terms.now);
  const { page, after, read } = await give(store, reader, cursor, admission, terms);
  const { since, through, held } = admission;
  const next = after !== undefined ? `${since}.${through}.${after}` : String(held === "none" ? through : since);
  return {
    consent: row.consent,
    grant_key: row.grantKey,
    complete: standing.complete,
    records: page.map(recordOf()),
    cursor: writeCursor(next, tag),
    more: after !== undefined,
    receipt: { read, at: instant(terms.now) },
  };
}

function refusalOf(refused: Refused, now: number): Refusal {
  const { state } = refused;
  if (state === "paused") return new Refusal("grant_paused", "The customer has paused this grant. Try again later.");
  if (state !== "held") return new Refusal("grant_ended", "This grant has ended. Erase what you hold of it.", { extra: { state } });
  const retryAfter = Math.max(1, Math.ceil(((refused.until ?? now + A_DAY) - now) / 1000));
  return new Refusal("frequency_exceeded", "This grant was read as often as its customer allows, or as one can be.", {
    extra: { retryAfter },
  });
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
