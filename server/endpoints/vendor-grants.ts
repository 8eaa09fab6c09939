import { isEnded } from "#protocol/grant.ts";
import { instant } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { setDue } from "../store/calendar.ts";
import { owedNow } from "../store/deletion.ts";
import { endGrant } from "../store/ends.ts";
import { stateNow } from "../store/shares.ts";
import { changeOwn, readOwn } from "../store/vendors-grant.ts";
import { type Endpoints, provenVendor } from "./endpoint.ts";

/** What a vendor asks of its grants without reading. */
export const vendorGrants: Endpoints<"grant" | "release"> = {
  async grant({ storage, config, now: clock }, call) {
    const now = clock();
    const { clientId } = provenVendor(call);
    await limitRate(storage, "grant", `${clientId} ${call.id}`, config.rates.pulls, now);
    return readOwn(storage, { clientId, grant: call.id, now }, async (_, known) => {
      const { row } = known;
      const owed = owedNow(known, now);
      return {
        grant_id: call.id,
        state: stateNow(known, now),
        authorization_details: row.details,
        consent: row.consent,
        delete_by: owed?.by == null ? null : instant(owed.by),
        attested: owed?.attested == null ? null : instant(owed.attested),
      };
    });
  },

  async release({ storage, config, outbox, accessTokens, now: clock }, call) {
    const now = clock();
    const { clientId } = provenVendor(call);
    await limitRate(storage, "grant", `${clientId} ${call.id}`, config.rates.pulls, now);
    await changeOwn(storage, { clientId, grant: call.id, now }, async (store, known) => {
      // What has ended stays as it ended: giving it up again is no fault.
      if (isEnded(stateNow(known, now))) return;
      await endGrant({ store, teller: outbox }, call.id, known, { at: now, actor: "vendor", act: null, askDeletion: false });
      await setDue(store);
    });
    accessTokens.forget(call.id);
    return {};
  },
};
