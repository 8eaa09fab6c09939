import * as v from "valibot";
import { consentRecord } from "../protocol/consent-record.ts";
import { stateOf } from "../protocol/grant.ts";
import { lastExpiry } from "../protocol/narrow.ts";
import { unknownGrant } from "./attesting.ts";
import { CounterfoilError } from "./error.ts";
import type { Party } from "./party.ts";
import { refused } from "./refused.ts";

/** What a consent record says of the vendor: as its own client metadata document says it. */
const OwnDocument = v.object({
  client_id: v.string(),
  legal_name: v.string(),
  country: v.string(),
  dpo_contact: v.optional(v.string()),
  policy_uri: v.optional(v.string()),
  client_uri: v.optional(v.string()),
});

/** A grant as an ISO/IEC TS 27560 consent record and its receipt, in DPV (JSON-LD), with every consent that this vendor has seen of it. */
export type Evidence = ReturnType<typeof consentRecord>;

/** @throws {CounterfoilError} `invalid` an unknown grant, or one whose consent was never seen; `unavailable` the own document can't be fetched */
export async function evidenceOf(party: Party, grantId: string): Promise<Evidence> {
  const grant = await party.book.head(grantId);
  if (grant === undefined) throw unknownGrant();
  const kept = await party.book.consents(grantId);
  // A state from before consents were kept by number has the last one alone.
  const consents = kept.length > 0 || grant.consent === null ? kept : [grant.consent];
  if (consents.length === 0)
    throw new CounterfoilError("invalid", "no consent of this grant was seen yet: pull it first", { reason: "consent" });
  const answer = await party.http({
    name: "client",
    method: "GET",
    url: party.clientId,
    repeatable: true,
    prepare: async () => ({ headers: {} }),
  });
  if (answer.status !== 200) throw refused(answer, "the own client document", party.now());
  const document = v.safeParse(OwnDocument, answer.body);
  if (!document.success || document.output.client_id !== party.clientId)
    throw new CounterfoilError("invalid", "the document at the client id is not the own one", { reason: "client" });
  const { client_id, legal_name, country, dpo_contact = null, policy_uri = null, client_uri = null } = document.output;
  const expires = lastExpiry(grant.details);
  const ended = grant.ended === null || grant.ended.state === "expired" ? undefined : grant.ended.state;
  const state = stateOf({ expires, paused: grant.paused, ended }, party.now());
  const expired = state === "expired" ? new Date(expires).toISOString() : null;
  return consentRecord({
    issuer: party.server,
    client: { client_id, legal_name, country, dpo_contact, policy_uri, client_uri },
    consents: consents.map(({ token }) => token),
    state,
    endedAt: ended === undefined ? expired : (grant.ended?.at ?? null),
    endedBy: ended === undefined ? null : (grant.ended?.by ?? "customer"),
  });
}
