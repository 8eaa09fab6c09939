import type { Consent } from "#protocol/consent-token.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import { readAnswer } from "./answer.ts";
import { enter } from "./calendar.ts";
import { type ConsentStep, type GivenConsent, keepConsent, requireApproval, requireNoWider, termsOf, wrongConsent } from "./consent.ts";
import { tell } from "./tell.ts";

/** Checks a first consent against what was asked, and makes its grant. */
export async function giveFirst(step: ConsentStep, given: GivenConsent, request: PushedRequest): Promise<Consent> {
  const { store, before, now, leaves } = step;
  const { vendor } = request;
  const { consent, hash } = await readAnswer(step, given, request, { second: before.grants > 0 });
  if (consent.n !== 1 || consent.prev !== null) throw wrongConsent("A grant begins with its first consent.");
  requireNoWider(consent, request.details, "was asked for");
  await requireApproval(step, consent);
  const grant = consent.grant_id;
  if ((await store.get("grants", grant)) !== undefined) throw wrongConsent("This grant is there already.");
  const row = {
    number: before.grants + 1,
    vendor,
    subject: consent.iss,
    given: now,
    refresh: null,
    ...termsOf(given, consent, hash),
  };
  store.point("grant", grant);
  store.put("grants", grant, row);
  store.put("standings", grant, {
    position: 0,
    complete: given.complete,
    paused: null,
    ended: null,
    reads: 0,
    lastRead: null,
    fixed: null,
  });
  keepConsent(store, grant, 1, given.token);
  enter(store, { at: row.expires, kind: "expire", grant });
  leaves.set({ kind: "consent", path: grant, version: 1, hash });
  await tell(step, grant, row, now, "grant-created", { initiating_entity: "user" });
  return consent;
}
