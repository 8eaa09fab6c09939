import { LIMITS } from "#protocol/api.ts";
import { instant, randomText } from "../digest.ts";
import { NONCE, type NonceTicket } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { noCookie, requireSession } from "../guards/session.ts";
import { openingOf } from "../store/views.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

const DAY = 86_400_000;

/** A session that is there: looking at it, ending it, and a nonce for what needs more than it. */
export const sessions: Endpoints<"session" | "logout" | "act"> = {
  async session({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const { row, ...reply } = await storage.read(caller.account, async (store) => {
      const row = await requireSession(store, caller, now);
      return { row, account: caller.account, way: row.way, ...(await openingOf(store)) };
    });
    if (now - row.used > DAY)
      await storage.change(caller.account, async (store) =>
        store.put("sessions", caller.session, { ...(await requireSession(store, caller, now)), used: now }),
      );
    return reply;
  },

  async logout({ storage, config, now }, call) {
    const caller = signedIn(call);
    await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now());
      store.delete("sessions", caller.session);
    });
    call.answer["Set-Cookie"] = noCookie(config.issuer);
    call.answer["Clear-Site-Data"] = '"cache", "storage"';
    return {};
  },

  async act({ storage, config, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    await storage.read(caller.account, (store) => requireSession(store, caller, now));
    await limitRate(storage, "act", caller.account, config.rates.commits, now);
    const nonce = randomText(32);
    const ticket: NonceTicket = { account: caller.account, until: now + LIMITS.actLifetime };
    await storage.putTicket(NONCE, nonce, ticket, ticket.until);
    return { nonce, at: instant(now) };
  },
};
