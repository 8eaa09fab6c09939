import { LIMITS } from "#protocol/api.ts";
import type { Consent } from "#protocol/consent-token.ts";
import { thumbprint } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import { enter } from "./calendar.ts";
import {
  type ConsentStep,
  type GivenConsent,
  keepConsent,
  readGiven,
  requireApproval,
  requireNoWider,
  termsOf,
  wrongConsent,
} from "./consent.ts";
import { requireUnrefused } from "./refusals.ts";
import { tell } from "./tell.ts";

/** Checks a first consent against what was asked, and makes its grant. */
export async function giveFirst(step: ConsentStep, given: GivenConsent, request: PushedRequest): Promise<Consent> {
  const { store, before, now, leaves } = step;
  const { vendor } = request;
  requireStaying(step);
  await requireUnrefused(store, vendor.clientId, now);
  requireKit(step, { second: step.before.grants > 0 });
  const { consent, hash } = await readGiven(given.token, {
    audience: vendor.clientId,
    encryptionKey: await thumbprint(vendor.encryptionKey),
    now,
  });
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

/** @throws {Refusal} `store_erasing` */
export function requireStaying({ before }: ConsentStep): void {
  if (before.erasing !== undefined)
    throw new Refusal("store_erasing", "This store is going to be erased. Keep it first, then share.", { pointer: "/consent" });
}

/** The kit comes before the second grant, and within 72 hours (protocol, section 3). @throws {Refusal} `kit_required` */
export function requireKit({ before, ways, now }: ConsentStep, { second }: { second: boolean }): void {
  if (ways.some(({ kind }) => kind === "kit")) return;
  if (second || now > before.created + LIMITS.kit)
    throw new Refusal("kit_required", "Make and confirm your recovery kit first: without it, losing your passkey would lose your store.");
}
