import { LIMITS } from "#protocol/api.ts";
import { readConsent } from "#protocol/consent-token.ts";
import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import { proveAct, proveRememberedAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { requireSession } from "../guards/session.ts";
import { callOff } from "../moves/leaving.ts";
import type { Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { setDue } from "../store/calendar.ts";
import { endGrant } from "../store/ends.ts";
import { lastRestore } from "../store/last-restore.ts";
import { pauseGrant } from "../store/pause.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { requireHere, requireSettled } from "../store/whereabouts.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

/** The server's half of a grant, which only takes rights away. */
export const grants: Endpoints<"pause" | "pauseAll" | "pauseByLink" | "revoke" | "consents"> = {
  async consents({ storage, now }, call) {
    const caller = signedIn(call);
    return storage.read(caller.account, async (store) => {
      await requireSession(store, caller, now());
      const { row } = await grantOf(store, call.id);
      const rows = await store.list("consents", { prefix: `${call.id}/`, limit: LIMITS.consents });
      // A grant of a store from before has its only one in its row.
      return { consents: rows.length === 0 ? [row.consent] : rows.map(([, { token }]) => token) };
    });
  },

  async pause({ storage, outbox, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const position = await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      await stay(store, now);
      return pauseGrant({ store, teller: outbox }, call.id, now);
    });
    return { position };
  },

  async pauseAll({ storage, outbox, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const paused = await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      await stay(store, now);
      let count = 0;
      for (const [grant] of await store.list("standings", { limit: 100_000 })) {
        if (stateNow(await grantOf(store, grant), now) !== "active") continue;
        await pauseGrant({ store, teller: outbox }, grant, now);
        count++;
      }
      return count;
    });
    return { paused };
  },

  async pauseByLink({ storage, config, outbox, now: clock }, { body, address }) {
    const now = clock();
    await limitRate(storage, "pause-link", address, config.rates.recoveries, now);
    const account = await storage.find("grant", body.grant);
    if (account === undefined) throw linkGone();
    const name = await storage.change(account, async (store) => {
      requireHere(await store.get("store", "store"));
      const row = await store.get("grants", body.grant);
      if (row === undefined || row.pauseSecret === null || row.pauseSecret !== digest(body.secret)) throw linkGone();
      await stay(store, now);
      await pauseGrant({ store, teller: outbox }, body.grant, now);
      store.put("grants", body.grant, { ...row, pauseSecret: null });
      return row.vendor.clientName;
    });
    return { client_name: name };
  },

  async revoke({ storage, config, outbox, life, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const { account } = caller;
    const { act } = call.body.act;
    const position = await storage.change(account, async (store) => {
      await requireSession(store, caller, now);
      await stay(store, now);
      const { row, standing } = await grantOf(store, call.id);
      if (isEnded(stateNow({ row, standing }, now))) throw new Refusal("grant_ended", "This grant has ended already.");
      const expected = { account, issuer: config.issuer, now, pointer: "/act" };
      // Made here once, and lost with what was put back (protocol, section 4): the device remembers it.
      const restored = lastRestore(life, await store.get("store", "store"));
      const isRemembered = restored !== null && standing.paused !== null && Date.parse(act.at) < restored.at;
      await (isRemembered ? proveRememberedAct(store, call.body.act, expected) : proveAct(storage, store, call.body.act, expected));
      // A stop that another consent overtook on its way is a stop.
      const overtaken = act.object === readConsent(row.consent).prev;
      if (act.action !== "revoke" || act.grant !== call.id || (act.object !== row.consentHash && !overtaken))
        throw new Refusal("invalid_act", "This act ends another grant, or says something else.", { pointer: "/act/act" });
      const end = { at: now, actor: "customer", act: call.body.act, askDeletion: call.body.askDeletion } as const;
      const position = await endGrant({ store, teller: outbox }, call.id, { row, standing }, end);
      await setDue(store);
      return position;
    });
    return { position };
  },
};

/** Whoever takes a right away here wants it gone: a move that waits for the other server, which may have read the right already, is off. */
async function stay(store: StoreWriter<Rows>, now: number): Promise<void> {
  const row = await store.get("store", "store");
  if (row === undefined) return;
  if (row.move?.state === "leaving") await callOff(store, row, now);
  else requireSettled(row);
}

const linkGone = (): Refusal => new Refusal("not_found", "This link was used before, or its grant has ended.");
