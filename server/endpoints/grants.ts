import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import { proveAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { requireSession } from "../guards/session.ts";
import type { Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { endGrant } from "../store/ends.ts";
import { note } from "../store/history.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

/** The server's half of a grant, which only takes rights away. */
export const grants: Endpoints<"pause" | "pauseAll" | "pauseByLink" | "revoke"> = {
  async pause({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const position = await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      return pauseGrant(store, call.id, now);
    });
    return { position };
  },

  async pauseAll({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const paused = await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      let count = 0;
      for (const [grant] of await store.list("standings", { limit: 100_000 })) {
        if (stateNow(await grantOf(store, grant), now) !== "active") continue;
        await pauseGrant(store, grant, now);
        count++;
      }
      return count;
    });
    return { paused };
  },

  async pauseByLink({ storage, config, now: clock }, { body, address }) {
    const now = clock();
    await limitRate(storage, "pause-link", address, config.rates.recoveries, now);
    const account = await storage.find("grant", body.grant);
    if (account === undefined) throw linkGone();
    const name = await storage.change(account, async (store) => {
      const row = await store.get("grants", body.grant);
      if (row === undefined || row.pauseSecret === null || row.pauseSecret !== digest(body.secret)) throw linkGone();
      await pauseGrant(store, body.grant, now);
      store.put("grants", body.grant, { ...row, pauseSecret: null });
      return row.vendor.clientName;
    });
    return { client_name: name };
  },

  async revoke({ storage, config, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const { account } = caller;
    const { act } = call.body.act;
    const position = await storage.change(account, async (store) => {
      await requireSession(store, caller, now);
      const { row, standing } = await grantOf(store, call.id);
      if (isEnded(stateNow({ row, standing }, now))) throw new Refusal("grant_ended", "This grant has ended already.");
      await proveAct(storage, store, call.body.act, { account, issuer: config.issuer, now, pointer: "/act" });
      if (act.action !== "revoke" || act.grant !== call.id || act.object !== row.consentHash)
        throw new Refusal("invalid_act", "This act ends another grant, or says something else.", { pointer: "/act/act" });
      return endGrant(store, call.id, { row, standing }, { at: now, act: call.body.act, askDeletion: call.body.askDeletion });
    });
    return { position };
  },
};

const linkGone = (): Refusal => new Refusal("not_found", "This link was used before, or its grant has ended.");

async function pauseGrant(store: StoreWriter<Rows>, grant: string, now: number): Promise<number> {
  const known = await grantOf(store, grant);
  if (isEnded(stateNow(known, now))) throw new Refusal("grant_ended", "This grant has ended already.");
  if (known.standing.paused !== null) return known.standing.paused.position;
  const position = await note(store, { at: now, type: "pause", grant });
  store.put("standings", grant, { ...known.standing, paused: { position, at: now } });
  return position;
}
