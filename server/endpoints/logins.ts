import { Refusal } from "#protocol/refusal.ts";
import { randomText } from "../digest.ts";
import { rpIdOf, verifyAssertion } from "../guards/passkey.ts";
import { limitRate } from "../guards/rate.ts";
import { openSession, sessionCookie } from "../guards/session.ts";
import { StorageError } from "../storage/storage.ts";
import { note } from "../store/history.ts";
import { openingOf } from "../store/views.ts";
import { requireHere } from "../store/whereabouts.ts";
import type { Endpoints } from "./endpoint.ts";

const LIFETIME = 600_000;
const LOGIN = "login";

/** The same words whether there is no such store, no such passkey or a wrong signature. */
const refused = (cause?: unknown): Refusal => new Refusal("unauthenticated", "This passkey opens no store here.", { cause });

/** Signing in: any passkey of any store; its user handle names the store. */
export const logins: Endpoints<"loginOptions" | "login"> = {
  async loginOptions({ storage, config, now }, { address }) {
    await limitRate(storage, "login", address, config.rates.logins, now());
    const [id, challenge] = [randomText(16), randomText(32)];
    await storage.putTicket(LOGIN, id, challenge, now() + LIFETIME);
    return {
      id,
      options: { challenge, rpId: rpIdOf(config.issuer), userVerification: "required", timeout: LIFETIME, allowCredentials: [] },
    };
  },

  async login({ storage, config, now: clock }, { body, address, answer }) {
    const now = clock();
    await limitRate(storage, "login", address, config.rates.logins, now);
    const challenge = await storage.takeTicket<string>(LOGIN, body.login);
    if (challenge === undefined)
      throw new Refusal("unauthenticated", "This login is too old or was used. Start again.", { pointer: "/login" });
    const account = body.assertion.response.userHandle;
    if (typeof account !== "string" || !/^[A-Za-z0-9_-]{22}$/.test(account)) throw refused();
    try {
      const opened = await storage.change(account, async (store) => {
        requireHere(await store.get("store", "store"));
        const [way, passkey] = (await store.list("passkeys", { limit: 40 })).find(([, row]) => row.credential === body.assertion.id) ?? [];
        if (way === undefined || passkey === undefined) throw refused();
        store.put("passkeys", way, await verifyAssertion(body.assertion, passkey, { challenge, issuer: config.issuer, now }));
        await note(store, { at: now, type: "login", by: way });
        const halves = Object.fromEntries((await store.list("halves", { limit: 40 })).map(([id, { half }]) => [id, half]));
        return { way, halves, secret: await openSession(store, way, now), ...(await openingOf(store)) };
      });
      const { secret, ...reply } = opened;
      answer["Set-Cookie"] = sessionCookie(config.issuer, account, secret);
      return { account, ...reply };
    } catch (error) {
      if (
        (error instanceof StorageError && error.code === "absent") ||
        (error instanceof Refusal && ["invalid_passkey", "unauthenticated"].includes(error.code))
      )
        throw refused(error);
      throw error;
    }
  },
};
