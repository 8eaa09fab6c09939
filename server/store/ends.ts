import { instant } from "../digest.ts";
import type { EndedRow, StandingRow } from "../rows.ts";
import { strike } from "./calendar.ts";
import { type Ended, noteEnd } from "./changes.ts";
import { owe } from "./deletion.ts";
import { note } from "./history.ts";
import { type Grant, sharesOf } from "./shares.ts";
import { type Changing, tell } from "./tell.ts";
import { lighten } from "./weight.ts";

const dueBy = ({ deletion }: StandingRow): string | null => (deletion?.by == null ? null : instant(deletion.by));

/**
 * Ends a grant for good, by its customer's act or because its vendor gives it up, and answers the position of the history's line. Whoever
 * calls it sets the store's due time (`setDue`).
 */
export async function endGrant(
  changing: Changing,
  grant: string,
  known: Grant,
  { at, actor, act, askDeletion }: Pick<EndedRow, "at" | "actor" | "act" | "askDeletion">,
): Promise<number> {
  const { row } = known;
  strike(changing.store, { at: row.expires, kind: "expire", grant });
  // A vendor that gives a customer up has nothing left to keep what it read for.
  const deletion = owe(changing.store, grant, known, { reason: "revoked", at, atOnce: askDeletion || actor === "vendor" });
  const standing: StandingRow = { ...known.standing, ended: { state: "revoked", at, actor, act, askDeletion }, deletion };
  await close(changing, grant, { row, standing }, { at, state: "revoked" });
  await tell(changing, grant, row, at, "grant-revoked", {
    initiating_entity: actor === "customer" ? "user" : "admin",
    delete_by: dueBy(standing),
  });
  return note(changing.store, { at, type: actor === "customer" ? "revoke" : "end", grant });
}

/** Its time is over: what the clock alone has said since then is carried out. */
export async function expireGrant(changing: Changing, grant: string, known: Grant, now: number): Promise<void> {
  const { row } = known;
  const at = row.expires;
  const before = known.standing.deletion;
  const deletion = before?.reason === "expired" ? before : owe(changing.store, grant, known, { reason: "expired", at, atOnce: false });
  const standing: StandingRow = { ...known.standing, deletion };
  await close(changing, grant, { row, standing }, { at: now, state: "expired" });
  await tell(changing, grant, row, at, "grant-expired", { initiating_entity: "policy", delete_by: dueBy(standing) });
  await note(changing.store, { at, type: "expire", grant });
}

/** Bodies go at once; their leaves stay until the customer's half drops them (protocol, section 4). */
async function close(
  { store }: Changing,
  grant: string,
  { row, standing }: Grant,
  { at, state }: { at: number; state: Ended["state"] },
): Promise<void> {
  store.put("standings", grant, standing);
  store.put("grants", grant, { ...row, refresh: null, pauseSecret: null });
  let gone = 0;
  for await (const rows of sharesOf(store, grant))
    for (const [key, { body }] of rows) {
      store.delete("shares", key);
      gone += body.length;
    }
  await lighten(store, gone);
  await noteEnd(store, grant, row, { at, ended: { state, deleteBy: standing.deletion?.by ?? null } });
}
