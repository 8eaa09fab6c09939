import type { Commit } from "#protocol/api.ts";
import { type Consent, consentObject, verifyConsent } from "#protocol/consent-token.ts";
import { milliseconds } from "#protocol/duration.ts";
import { lastExpiry, widening } from "#protocol/narrow.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Way } from "#protocol/ways.ts";
import type { ProvenAct } from "../guards/act.ts";
import { type GrantRow, type ObjectRow, ordered, type Rows, type StoreRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import type { LeafChanges } from "./leaves.ts";
import type { Changing } from "./tell.ts";
import type { Weight } from "./weight.ts";

const SKEW = 600_000;

/** One commit's consent, and what it is checked against. */
export interface ConsentStep extends Changing {
  readonly before: StoreRow;
  readonly ways: readonly Way[];
  readonly acts: readonly ProvenAct[];
  readonly leaves: LeafChanges;
  readonly weight: Weight;
  readonly now: number;
}

export type GivenConsent = NonNullable<Commit["consent"]>;

export const wrongConsent = (detail: string, cause?: unknown): Refusal =>
  new Refusal("invalid_consent", detail, { pointer: "/consent/token", cause });

/** Verifies a consent that is given now. `encryptionKey`: thumbprint of the one that the vendor has. @throws {Refusal} `invalid_consent` */
export async function readGiven(
  token: string,
  { audience, encryptionKey, now }: { audience: string; encryptionKey: string; now: number },
): Promise<{ consent: Consent; hash: string }> {
  let given: { consent: Consent; hash: string };
  try {
    given = await verifyConsent(token, { audience, encryptionKeys: [encryptionKey], now });
  } catch (cause) {
    throw wrongConsent("This consent does not fit what it answers, has ended, or was changed.", cause);
  }
  if (Math.abs(given.consent.iat * 1000 - now) > SKEW) throw wrongConsent("This consent is not of now. Check this device's clock.");
  return given;
}

/** @throws {Refusal} `consent_too_wide` where it allows more than `most` */
export function requireNoWider(consent: Consent, most: GrantRow["details"], than: string): void {
  const wider = widening(consent.authorization_details, most);
  if (wider !== undefined)
    throw new Refusal("consent_too_wide", `This consent allows more than ${than}: ${wider.reason}.`, {
      pointer: "/consent/token",
      extra: { within: `/authorization_details${wider.pointer}` },
    });
}

/** @throws {Refusal} `act_required` unless a passkey has approved exactly this consent */
export async function requireApproval({ acts }: ConsentStep, consent: Consent): Promise<void> {
  const object = await consentObject(consent);
  const { grant_id: grant } = consent;
  if (!acts.some(({ act, kind }) => kind === "passkey" && act.action === "approve" && act.grant === grant && act.object === object))
    throw new Refusal("act_required", "Sharing takes a passkey's approval of exactly this consent.", { pointer: "/acts" });
}

/** What a grant's row says by its consent. */
export const termsOf = (
  given: GivenConsent,
  consent: Consent,
  hash: string,
): Pick<GrantRow, "consent" | "consentHash" | "details" | "grantKey" | "expires" | "objects" | "pauseSecret"> => ({
  consent: given.token,
  consentHash: hash,
  details: consent.authorization_details,
  grantKey: given.grantKey,
  expires: lastExpiry(consent.authorization_details),
  objects: consent.authorization_details.map(objectRow),
  pauseSecret: given.pause,
});

/** What a pull asks of it. */
export const objectRow = (detail: GrantRow["details"][number]): ObjectRow => ({
  read: detail.actions.includes("read"),
  expires: Date.parse(detail.expires),
  frequency:
    detail.frequency === undefined
      ? null
      : { max: detail.frequency.max, per: detail.frequency.per === undefined ? null : milliseconds(detail.frequency.per) },
});

/** Every consent stays, as the evidence of what was allowed when. */
export const keepConsent = (store: StoreWriter<Rows>, grant: string, n: number, token: string): void =>
  store.put("consents", `${grant}/${ordered(n)}`, { token });
