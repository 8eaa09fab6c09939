import { LIMITS } from "#protocol/api.ts";
import type { Consent } from "#protocol/consent-token.ts";
import { thumbprint } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { PushedRequest } from "../oauth/pushed-request.ts";
import { type ConsentStep, type GivenConsent, readGiven } from "./consent.ts";
import { requireUnrefused } from "./refusals.ts";

/**
 * The consent that answers a vendor's request, where its customer may give one at all. `second`: it would make a grant, and not the first.
 * @throws {Refusal} `store_erasing`, `refused_before`, `kit_required`, `invalid_consent`
 */
export async function readAnswer(
  step: ConsentStep,
  given: GivenConsent,
  { vendor }: PushedRequest,
  { second }: { readonly second: boolean },
): Promise<{ consent: Consent; hash: string }> {
  const { store, now } = step;
  requireStaying(step);
  await requireUnrefused(store, vendor.clientId, now);
  requireKit(step, second);
  return readGiven(given.token, { audience: vendor.clientId, encryptionKey: await thumbprint(vendor.encryptionKey), now });
}

function requireStaying({ before }: ConsentStep): void {
  if (before.erasing !== undefined)
    throw new Refusal("store_erasing", "This store is going to be erased. Keep it first, then share.", { pointer: "/consent" });
}

/** The kit comes before the second grant, and within 72 hours (protocol, section 3). */
function requireKit({ before, ways, now }: ConsentStep, second: boolean): void {
  if (ways.some(({ kind }) => kind === "kit")) return;
  if (second || now > before.created + LIMITS.kit)
    throw new Refusal("kit_required", "Make and confirm your recovery kit first: without it, losing your passkey would lose your store.");
}
