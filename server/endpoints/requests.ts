import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { instant } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { type Caller, requireSession } from "../guards/session.ts";
import { answeredRequest, answerOnce, openRequest, redirectOf } from "../oauth/pushed-request.ts";
import { StorageError } from "../storage/storage.ts";
import { note } from "../store/history.ts";
import { refusedUntil, refuseVendor, reopenVendor } from "../store/refusals.ts";
import { clientView } from "../store/views.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

const gone = (): Refusal => new Refusal("not_found", "This request has ended. Ask the shop for a new link.");

/** What a vendor asks, for the one who has its link. */
export const requests: Endpoints<"request" | "decline" | "reopen"> = {
  async request({ storage, config, now }, { id, caller, address }) {
    await limitRate(storage, "other", address, config.rates.others, now());
    const open = await openRequest(storage, id);
    const request = open ?? (await answeredRequest(storage, id));
    if (request === undefined) throw gone();
    return {
      id,
      client: clientView(request.vendor),
      authorization_details: request.details,
      state: open === undefined ? "answered" : "open",
      expires: instant(request.until),
      replaces: request.replaces,
      refused: caller === undefined ? null : await refusedTo(storage, caller, request.vendor.clientId, now()),
    };
  },

  async reopen({ storage, now: clock }, call) {
    const now = clock();
    const caller = signedIn(call);
    const request = await openRequest(storage, call.id);
    if (request === undefined) throw gone();
    const { clientId } = request.vendor;
    await storage.change(caller.account, async (store) => {
      await requireSession(store, caller, now);
      if (await reopenVendor(store, clientId, now)) await note(store, { at: now, type: "reopen", by: clientId });
    });
    return {};
  },

  async decline({ storage, config, now: clock }, { id, caller, address }) {
    const now = clock();
    await limitRate(storage, "other", address, config.rates.others, now);
    const redirect = await answerOnce(storage, id, async (request) => {
      if (caller !== undefined) {
        try {
          await storage.change(caller.account, async (store) => {
            await requireSession(store, caller, now);
            await refuseVendor(store, request.vendor.clientId, now);
            await note(store, { at: now, type: "decline", by: request.vendor.clientId });
          });
        } catch (error) {
          // Saying no needs no session: one that has ended is only not there to remember it.
          if (!isSignedOut(error)) throw error;
        }
      }
      return redirectOf(request, config.issuer, { error: "access_denied" });
    });
    if (redirect !== undefined) return { redirect };
    if ((await answeredRequest(storage, id)) !== undefined) throw new Refusal("already_answered", "This request was answered before.");
    throw gone();
  },
};

const isSignedOut = (error: unknown): boolean =>
  (error instanceof Refusal && error.code === "unauthenticated") || (error instanceof StorageError && error.code === "absent");

/** Until when this vendor can't ask the one who is signed in; to anybody else it says nothing. */
async function refusedTo(storage: Deps["storage"], caller: Caller, clientId: string, now: number): Promise<string | null> {
  try {
    return await storage.read(caller.account, async (store) => {
      await requireSession(store, caller, now);
      const until = await refusedUntil(store, clientId, now);
      return until === undefined ? null : instant(until);
    });
  } catch (error) {
    if (isSignedOut(error)) return null;
    throw error;
  }
}
