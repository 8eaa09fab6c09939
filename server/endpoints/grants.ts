import { LIMITS } from "#protocol/api.ts";
import { readConsent } from "#protocol/consent-token.ts";
import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import { proveAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { requireSession } from "../guards/session.ts";
import { setDue } from "../store/calendar.ts";
import { endGrant } from "../store/ends.ts";
import { note } from "../store/history.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { type Changing, tell } from "../store/tell.ts";
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
      return pauseGrant({ store, teller: outbox }, call.id, now);
    });
    return { position };
  },

  async pauseAll({ storage, outbox, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const paused = await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
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
      const row = await store.get("grants", body.grant);
      if (row === undefined || row.pauseSecret === null || row.pauseSecret !== digest(body.secret)) throw linkGone();
      await pauseGrant({ store, teller: outbox }, body.grant, now);
      store.put("grants", body.grant, { ...row, pauseSecret: null });
      return row.vendor.clientName;
    });
    return { client_name: name };
  },

  async revoke({ storage, config, outbox, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const { account } = caller;
    const { act } = call.body.act;
    const position = await storage.change(account, async (store) => {
      await requireSession(store, caller, now);
      const { row, standing } = await grantOf(store, call.id);
      if (isEnded(stateNow({ row, standing }, now))) throw new Refusal("grant_ended", "This grant has ended already.");
      await proveAct(storage, store, call.body.act, { account, issuer: config.issuer, now, pointer: "/act" });
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

const linkGone = (): Refusal => new Refusal("not_found", "This link was used before, or its grant has ended.");

async function pauseGrant(changing: Changing, grant: string, now: number): Promise<number> {
  const { store } = changing;
  const known = await grantOf(store, grant);
  if (isEnded(stateNow(known, now))) throw new Refusal("grant_ended", "This grant has ended already.");
  if (known.standing.paused !== null) return known.standing.paused.position;
  const position = await note(store, { at: now, type: "pause", grant });
  store.put("standings", grant, { ...known.standing, paused: { position, at: now } });
  await tell(changing, grant, known.row, now, "grant-paused", { initiating_entity: "user" });
  return position;
}
