import { LIMITS, type SignedAct } from "#protocol/api.ts";
import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { digest, instant } from "../digest.ts";
import { proveAct } from "../guards/act.ts";
import { noCookie, requireSession } from "../guards/session.ts";
import { callOff } from "../moves/leaving.ts";
import type { Rows, StoreRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { setDue } from "../store/calendar.ts";
import { endGrant } from "../store/ends.ts";
import { eraseDue } from "../store/erasure.ts";
import { note } from "../store/history.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import type { Changing } from "../store/tell.ts";
import { requireSettled } from "../store/whereabouts.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

/** Taking everything along, and leaving nothing behind. */
export const leaving: Endpoints<"exports" | "erase" | "keep"> = {
  async exports(deps, call) {
    const now = deps.now();
    const caller = signedIn(call);
    const position = await deps.storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      const by = await provePasskey(deps, store, call.body.act, {
        account: caller.account,
        action: "export",
        object: digest(call.body.what),
        now,
      });
      return note(store, { at: now, type: "export", by });
    });
    return { position };
  },

  async erase(deps, call) {
    const { storage, config } = deps;
    const now = deps.now();
    const caller = signedIn(call);
    const { account } = caller;
    const { act, when, askDeletion } = call.body;
    const { at, grants } = await storage.change(account, async (store) => {
      await requireSession(store, caller, now);
      const by = await provePasskey(deps, store, act, { account, action: "erase", object: digest(when), now });
      const waiting = await storeOf(store);
      if (waiting.move?.state === "leaving") await callOff(store, waiting, now);
      else requireSettled(waiting);
      const grants = await endAll({ store, teller: deps.outbox }, { at: now, act, askDeletion });
      const row = await storeOf(store);
      // Saying it again never gives it more time.
      const at = Math.min(row.erasing ?? Number.POSITIVE_INFINITY, when === "now" ? now : now + LIMITS.grace);
      store.put("store", "store", { ...row, erasing: at });
      await setDue(store);
      await note(store, { at: now, type: "erase", by });
      if (at <= now) for (const [session] of await store.list("sessions", { limit: 1000 })) store.delete("sessions", session);
      return { at, grants };
    });
    for (const grant of grants) deps.accessTokens.forget(grant);
    if (at <= now) {
      // What the medium refuses now, the next sweep does.
      await eraseDue(storage, account, now).catch((error: unknown) => deps.log.fault("erasure", error));
      call.answer["Set-Cookie"] = noCookie(config.issuer);
      call.answer["Clear-Site-Data"] = '"cache", "storage"';
    }
    return { at: instant(at) };
  },

  async keep({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    await storage.change(caller.account, async (store) => {
      const { way } = await requireSession(store, caller, now);
      const { erasing, ...row } = await storeOf(store);
      if (erasing === undefined) return;
      store.put("store", "store", row);
      await setDue(store);
      await note(store, { at: now, type: "keep", by: way });
    });
    return {};
  },
};

/** The way in of the passkey that approved exactly this. @throws {Refusal} `invalid_act` */
export async function provePasskey(
  { storage, config }: Deps,
  store: StoreWriter<Rows>,
  signed: SignedAct,
  { account, action, object, now }: { account: string; action: "export" | "erase" | "move"; object: string; now: number },
): Promise<string> {
  const { act, kind, way } = await proveAct(storage, store, signed, { account, issuer: config.issuer, now, pointer: "/act" });
  if (kind !== "passkey") throw new Refusal("invalid_act", "This takes a passkey, not the kit.", { pointer: "/act/kit" });
  if (act.action !== action || act.grant !== null || act.object !== object)
    throw new Refusal("invalid_act", "This act says something else.", { pointer: "/act/act" });
  return way;
}

async function storeOf(store: StoreWriter<Rows>): Promise<StoreRow> {
  const row = await store.get("store", "store");
  if (row === undefined) throw new Error("a store without its first commit");
  return row;
}

/** Ends every grant that has not ended, and answers them. */
async function endAll(changing: Changing, end: { at: number; act: SignedAct; askDeletion: boolean }): Promise<string[]> {
  const { store } = changing;
  const ended: string[] = [];
  for (const [grant] of await store.list("standings", { limit: 100_000 })) {
    const known = await grantOf(store, grant);
    if (isEnded(stateNow(known, end.at))) continue;
    await endGrant(changing, grant, known, { ...end, actor: "customer" });
    ended.push(grant);
  }
  return ended;
}
