import { LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { canonical } from "#protocol/canonical.ts";
import { type Consent, readConsent } from "#protocol/consent-token.ts";
import { takesAway } from "#protocol/deletion.ts";
import { isEnded } from "#protocol/grant.ts";
import { RESTORED_STEP } from "#protocol/head.ts";
import { allowsRead, isNoWider } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import { instant } from "../digest.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import type { GrantRow, StandingRow } from "../rows.ts";
import { readAnswer } from "./answer.ts";
import { enter, strike } from "./calendar.ts";
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
import { owe } from "./deletion.ts";
import { wasRestored } from "./last-restore.ts";
import { type Grant, grantOf, sharesOf, stateNow } from "./shares.ts";
import { tell } from "./tell.ts";

/** Amends a grant as its vendor asked: the customer's passkey approves the whole of what is granted from now on. */
export async function giveReplacing(step: ConsentStep, given: GivenConsent, request: PushedRequest): Promise<Consent> {
  const { vendor } = request;
  const { consent, hash } = await readAnswer(step, given, request, { second: false });
  if (consent.grant_id !== request.replaces) throw wrongConsent("This request is about another grant.");
  const known = await standing(step, consent);
  if (known.row.vendor.clientId !== vendor.clientId) throw wrongConsent("This grant is another vendor's.");
  requireNoWider(consent, request.details, "was asked for");
  await requireApproval(step, consent);
  await follow(step, given, { known, consent, hash, vendor });
  return consent;
}

/** The customer makes a grant narrower, alone: it takes no act, since fewer rights are always safe. */
export async function giveNarrower(step: ConsentStep, given: GivenConsent): Promise<Consent> {
  const known = await standing(step, claimed(given.token));
  const { row } = known;
  const inForce = readConsent(row.consent);
  const { consent, hash } = await readGiven(given.token, {
    audience: row.vendor.clientId,
    encryptionKey: inForce.cnf.jkt,
    now: step.now,
  });
  requireNoWider(consent, row.details, "the one in force");
  if (inForce.gpc === true && consent.gpc !== true)
    throw new Refusal("consent_too_wide", "This consent leaves out that nothing may be sold or shared.", { pointer: "/consent/token" });
  if (canonical(consent.authorization_details) === canonical(row.details))
    throw wrongConsent("This consent says what the one in force says.");
  await follow(step, given, { known, consent, hash, vendor: row.vendor });
  return consent;
}

function claimed(token: string): Consent {
  try {
    return readConsent(token);
  } catch (cause) {
    throw wrongConsent("This is not a consent.", cause);
  }
}

/** The grant that a consent would amend. @throws {Refusal} `not_found`, `grant_not_active` */
async function standing({ store, now }: ConsentStep, { grant_id: grant }: Consent): Promise<Grant> {
  const known = await grantOf(store, grant, "/consent/token");
  if (isEnded(stateNow(known, now)))
    throw new Refusal("grant_not_active", "This grant has ended.", { pointer: "/consent/token", extra: { grant } });
  return known;
}

interface Next {
  readonly known: Grant;
  readonly consent: Consent;
  readonly hash: string;
  readonly vendor: GrantRow["vendor"];
}

/** Puts a consent in force after the one before: its chain, key and issuer go on. */
async function follow(step: ConsentStep, given: GivenConsent, { known, consent, hash, vendor }: Next): Promise<void> {
  const { store, now, leaves, weight } = step;
  const { row } = known;
  const { n = 1 } = row;
  const grant = consent.grant_id;
  // What a restore has lost, the vendor may have seen.
  const isNext = consent.n === n + 1 || (wasRestored(step.before) && consent.n >= n + RESTORED_STEP);
  if (!isNext || consent.prev !== row.consentHash) throw wrongConsent("This consent does not follow the one in force.");
  if (consent.iss !== row.subject || consent.grant_key !== readConsent(row.consent).grant_key)
    throw wrongConsent("The keys of a grant stay as long as it lives.");
  if (consent.n % RESTORED_STEP > LIMITS.consents)
    throw wrongConsent("This grant was changed as often as one can be. End it, and share anew if you wish.");

  const details = consent.authorization_details;
  const next: GrantRow = { ...row, ...termsOf(given, consent, hash), vendor, n: consent.n };
  const less = takesAway(row.details, details, now);
  const deletion = less ? owe(store, grant, known, { reason: "narrowed", at: now, atOnce: true }) : known.standing.deletion;
  store.put("grants", grant, next);
  store.put("standings", grant, {
    ...known.standing,
    complete: given.complete,
    fixed: fixedUnder(known, details),
    ...(deletion === undefined ? {} : { deletion }),
  });
  // Of a store from before, the first one was kept in its grant alone.
  keepConsent(store, grant, n, row.consent);
  keepConsent(store, grant, consent.n, given.token);
  strike(store, { at: row.expires, kind: "expire", grant });
  enter(store, { at: next.expires, kind: "expire", grant });
  // Bodies go at once; their leaves stay until the customer's half drops them, as after an end.
  for await (const rows of sharesOf(store, grant))
    for (const [key, share] of rows) {
      if (allowsRead(details, share.path, now)) continue;
      store.delete("shares", key);
      weight.drop(share);
    }
  leaves.set({ kind: "consent", path: grant, version: consent.n, hash });
  await tell(step, grant, next, now, "grant-changed", {
    initiating_entity: "user",
    n: consent.n,
    delete_by: less && deletion?.by != null ? instant(deletion.by) : null,
  });
}

/**
 * The read that can be asked for again, told by the objects of the new consent: those that say no more than one that it gave. Others
 * wait for the next read that counts, so that a change of the consent is no way around its frequency.
 */
function fixedUnder({ row, standing }: Grant, details: AuthorizationDetails): StandingRow["fixed"] {
  const { fixed } = standing;
  const { n = 1 } = row;
  // A token of lesser details ends with its consent, and its read with it.
  if (fixed === null || (fixed.under ?? "1") !== String(n)) return null;
  const gave = row.details.filter((_, at) => fixed.objects & (1 << at));
  const objects = details.reduce((bits, detail, at) => (gave.some((each) => isNoWider([detail], [each])) ? bits | (1 << at) : bits), 0);
  return { ...fixed, objects, under: String(n + 1) };
}
