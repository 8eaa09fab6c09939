import { type Commit, LIMITS } from "#protocol/api.ts";
import { type Consent, consentObject, verifyConsent } from "#protocol/consent-token.ts";
import { milliseconds } from "#protocol/duration.ts";
import { thumbprint } from "#protocol/jws.ts";
import { lastExpiry, widening } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Way } from "#protocol/ways.ts";
import type { ProvenAct } from "../guards/act.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import type { GrantRow, ObjectRow, Rows, StoreRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import type { LeafChanges } from "./leaves.ts";

const SKEW = 600_000;

interface Step {
  readonly store: StoreWriter<Rows>;
  readonly before: StoreRow;
  readonly ways: readonly Way[];
  readonly acts: readonly ProvenAct[];
  readonly leaves: LeafChanges;
  readonly now: number;
}

const wrong = (detail: string, cause?: unknown): Refusal => new Refusal("invalid_consent", detail, { pointer: "/consent/token", cause });

/** Checks a first consent against what was asked, and makes its grant. */
export async function giveConsent(step: Step, given: NonNullable<Commit["consent"]>, request: PushedRequest): Promise<Consent> {
  const { store, before, now, leaves } = step;
  if (before.erasing !== undefined)
    throw new Refusal("store_erasing", "This store is going to be erased. Keep it first, then share.", { pointer: "/consent" });
  checkKit(step);
  const { consent, hash } = await readGiven(given.token, request, now);
  const wider = widening(consent.authorization_details, request.details);
  if (wider !== undefined)
    throw new Refusal("consent_too_wide", `This consent allows more than was asked for: ${wider.reason}.`, {
      pointer: "/consent/token",
      extra: { within: `/authorization_details${wider.pointer}` },
    });
  const object = await consentObject(consent);
  const grant = consent.grant_id;
  if (!step.acts.some(({ act, kind }) => kind === "passkey" && act.action === "approve" && act.grant === grant && act.object === object))
    throw new Refusal("act_required", "Sharing takes a passkey's approval of exactly this consent.", { pointer: "/acts" });
  if ((await store.get("grants", grant)) !== undefined) throw wrong("This grant is there already.");
  store.point("grant", grant);
  store.put("grants", grant, {
    number: before.grants + 1,
    vendor: request.vendor,
    consent: given.token,
    consentHash: hash,
    details: consent.authorization_details,
    subject: consent.iss,
    grantKey: given.grantKey,
    given: now,
    expires: lastExpiry(consent.authorization_details),
    objects: consent.authorization_details.map(objectRow),
    pauseSecret: given.pause,
    refresh: null,
  });
  store.put("standings", grant, {
    position: 0,
    complete: given.complete,
    paused: null,
    ended: null,
    reads: 0,
    lastRead: null,
    fixed: null,
  });
  leaves.set({ kind: "consent", path: grant, version: consent.n, hash });
  return consent;
}

async function readGiven(token: string, request: PushedRequest, now: number): Promise<{ consent: Consent; hash: string }> {
  try {
    const { consent, hash } = await verifyConsent(token, {
      audience: request.vendor.clientId,
      encryptionKeys: [await thumbprint(request.vendor.encryptionKey)],
      now,
    });
    if (consent.n !== 1 || consent.prev !== null) throw wrong("A grant begins with its first consent.");
    if (Math.abs(consent.iat * 1000 - now) > SKEW) throw wrong("This consent is not of now. Check this device's clock.");
    return { consent, hash };
  } catch (cause) {
    throw cause instanceof Refusal ? cause : wrong("This consent does not fit its request, or was changed.", cause);
  }
}

/** The kit comes before the second grant, and within 72 hours (protocol, section 3). */
function checkKit({ before, ways, now }: Step): void {
  if (ways.some(({ kind }) => kind === "kit")) return;
  if (before.grants > 0 || now > before.created + LIMITS.kit)
    throw new Refusal("kit_required", "Make and confirm your recovery kit first: without it, losing your passkey would lose your store.");
}

const objectRow = (detail: GrantRow["details"][number]): ObjectRow => ({
  read: detail.actions.includes("read"),
  expires: Date.parse(detail.expires),
  frequency:
    detail.frequency === undefined
      ? null
      : { max: detail.frequency.max, per: detail.frequency.per === undefined ? null : milliseconds(detail.frequency.per) },
});
