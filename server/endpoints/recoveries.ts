import { LIMITS } from "#protocol/api.ts";
import { hashOfHead } from "#protocol/head.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { digest, instant, randomText } from "../digest.ts";
import { NONCE, type NonceTicket, proveAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { openSession, sessionCookie } from "../guards/session.ts";
import { note } from "../store/history.ts";
import { openingOf } from "../store/views.ts";
import { requireHere } from "../store/whereabouts.ts";
import type { Endpoints } from "./endpoint.ts";

/** Finding a store by its kit, and opening a session by the kit's key. */
export const recoveries: Endpoints<"recovery" | "recover"> = {
  async recovery(deps, { body, address }) {
    const { storage, now: clock } = deps;
    const now = clock();
    const account = await find(deps, body.locator, address);
    const opening = await storage.read(account, async (store) => {
      requireHere(await store.get("store", "store"));
      const opening = await openingOf(store);
      const kit = opening.ways.find(({ kind }) => kind === "kit");
      // What a kit doesn't open stays here.
      return { ...opening, seals: opening.seals.filter(({ id }) => id === kit?.id) };
    });
    const nonce = randomText(32);
    const ticket: NonceTicket = { account, until: now + LIMITS.actLifetime };
    await storage.putTicket(NONCE, nonce, ticket, ticket.until);
    return { account, nonce, at: instant(now), ...opening };
  },

  async recover(deps, { body, address, answer }) {
    const { storage, config, now: clock } = deps;
    const now = clock();
    const account = await find(deps, body.locator, address);
    const { act } = body.act;
    const opened = await storage.change(account, async (store) => {
      requireHere(await store.get("store", "store"));
      const proven = await proveAct(storage, store, body.act, { account, issuer: config.issuer, now, pointer: "/act" });
      const opening = await openingOf(store);
      if (proven.kind !== "kit" || act.action !== "recover" || act.object !== (await hashOfHead(opening.head)))
        throw new Refusal("invalid_act", "A recovery is an act by the kit's key that names the store's head.", {
          pointer: "/act/act/object",
        });
      await note(store, { at: now, type: "recover", by: proven.way });
      return { opening, secret: await openSession(store, null, now) };
    });
    answer["Set-Cookie"] = sessionCookie(config.issuer, account, opened.secret);
    return { account, way: null, ...opened.opening };
  },
};

async function find({ storage, config, now }: Deps, locator: string, address: string): Promise<string> {
  await limitRate(storage, "recovery", address, config.rates.recoveries, now());
  await limitRate(storage, "locator", digest(locator), config.rates.recoveries, now());
  const account = await storage.find("locator", locator);
  if (account === undefined) throw new Refusal("not_found", "No store is found by this kit. Check the code, or use the newest kit.");
  return account;
}
