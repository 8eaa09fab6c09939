import { Refusal } from "#protocol/refusal.ts";
import { instant } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { requireSession } from "../guards/session.ts";
import { answeredRequest, answerOnce, openRequest, redirectOf } from "../oauth/pushed-request.ts";
import { StorageError } from "../storage/storage.ts";
import { note } from "../store/history.ts";
import { clientView } from "../store/views.ts";
import type { Endpoints } from "./endpoint.ts";

const gone = (): Refusal => new Refusal("not_found", "This request has ended. Ask the shop for a new link.");

/** What a vendor asks, for the one who has its link. */
export const requests: Endpoints<"request" | "decline"> = {
  async request({ storage, config, now }, { id, address }) {
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
    };
  },

  async decline({ storage, config, now: clock }, { id, caller, address }) {
    const now = clock();
    await limitRate(storage, "other", address, config.rates.others, now);
    const redirect = await answerOnce(storage, id, async (request) => {
      if (caller !== undefined) {
        try {
          await storage.change(caller.account, async (store) => {
            await requireSession(store, caller, now);
            await note(store, { at: now, type: "decline", by: request.vendor.clientId });
          });
        } catch (error) {
          // Saying no needs no session: one that has ended is only not there to remember it.
          const signedOut =
            (error instanceof Refusal && error.code === "unauthenticated") || (error instanceof StorageError && error.code === "absent");
          if (!signedOut) throw error;
        }
      }
      return redirectOf(request, config.issuer, { error: "access_denied" });
    });
    if (redirect !== undefined) return { redirect };
    if ((await answeredRequest(storage, id)) !== undefined) throw new Refusal("already_answered", "This request was answered before.");
    throw gone();
  },
};
