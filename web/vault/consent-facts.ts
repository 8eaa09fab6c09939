import type { ConsentRecordFacts } from "#protocol/consent-record.ts";
import { verifyConsent } from "#protocol/consent-token.ts";
import { RESTORED_STEP } from "#protocol/head.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { type Context, storeOf } from "./context.ts";
import { type KnownGrant, stateOfGrant } from "./grants.ts";
import { issuerOf } from "./relationship.ts";
import { VaultError } from "./vault.ts";

/** What a permission's record is made of: every consent of the grant, each verified by its own key and as the one that follows. */
export async function consentFacts(context: Context, grant: string): Promise<ConsentRecordFacts> {
  const known = storeOf(context).grants.get(grant);
  if (known === undefined) throw new VaultError("invalid", "no such grant");
  const consents = known.own.n === 1 ? [known.own.token] : (await context.server.call("consents", { params: { id: grant } })).consents;
  await verifyChain(known, consents);
  const state = stateOfGrant(known, context.now());
  const expired = state === "expired" ? new Date(known.consent.exp * 1000).toISOString() : null;
  return {
    issuer: context.place.origin,
    client: known.own.client,
    consents,
    state,
    endedAt: known.row?.ended?.at ?? expired,
    endedBy: known.row?.ended?.actor ?? null,
  };
}

/** @throws {EvidenceError} if one is left out, changed, or of another grant, or the last isn't the one in the store */
async function verifyChain({ grant, own, consent, relationship }: KnownGrant, tokens: readonly string[]): Promise<void> {
  const pinned = await issuerOf(relationship);
  let seen: { n: number; hash: string } | undefined;
  for (const token of tokens) {
    const { consent: each, hash } = await verifyConsent(token, {
      audience: consent.aud,
      grant,
      pinned,
      ...(seen === undefined ? {} : { seen }),
    });
    // It leaps where the server was put back: over those that were lost.
    const follows = seen === undefined ? each.n === 1 : each.n === seen.n + 1 || each.n >= seen.n + RESTORED_STEP;
    if (!follows || each.prev !== (seen?.hash ?? null))
      throw new EvidenceError("fork", "The server leaves out a permission between the first one and the one in force");
    seen = { n: each.n, hash };
  }
  if (seen?.hash !== own.hash) throw new EvidenceError("fork", "The server's last permission is not the one in your store");
}
