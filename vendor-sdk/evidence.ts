import type { AuthorizationDetails } from "../protocol/authorization-details.ts";
import { type Consent, verifyConsent } from "../protocol/consent-token.ts";
import { EvidenceError } from "../protocol/jws.ts";
import { allowsRead, isNoWider, widening } from "../protocol/narrow.ts";
import { type Content, grantKeyContext, hashOfGrantKey, openShare, type Share } from "../protocol/sealing/record.ts";
import { openSealed } from "../protocol/sealing/seal-to.ts";
import { CounterfoilError } from "./error.ts";
import type { Party } from "./party.ts";
import type { StoredGrant } from "./state.ts";

/** Whatever evidence says against the server's answer, as the SDK's error. Causes stay out: a parser's message quotes what it read. */
async function checked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CounterfoilError) throw error;
    if (!(error instanceof EvidenceError))
      throw new CounterfoilError("integrity", "what the server sent can't be read", { reason: "malformed" });
    if (error.code === "expired") throw new CounterfoilError("grant_expired", "the consent has ended", { reason: "expired" });
    throw new CounterfoilError("integrity", error.message, { reason: error.code });
  }
}

const refuse = (reason: string, message: string): never => {
  throw new CounterfoilError("integrity", message, { reason });
};

/** A consent that was found good: the signed text, what it says, and the hash by which the next one names it. */
export interface VerifiedConsent {
  token: string;
  consent: Consent;
  hash: string;
}

/**
 * A consent as the customer signed it for this vendor and grant: by the relationship key pinned at first sight, for a key of our own,
 * no older than the last one seen and following it, and no wider than what was asked (protocol, section 5).
 */
export const checkConsent = (party: Party, grant: StoredGrant, token: string): Promise<VerifiedConsent> =>
  checked(async () => {
    const { consent, hash } = await verifyConsent(token, {
      audience: party.clientId,
      grant: grant.id,
      encryptionKeys: [...(await party.keys.encryption).keys()],
      now: party.now(),
      ...(grant.pin === null ? {} : { pinned: grant.pin }),
      ...(grant.consent === null ? {} : { seen: grant.consent }),
    });
    const wider = widening(consent.authorization_details, grant.asked);
    if (wider !== undefined && !grant.offers.some((offer) => isNoWider(consent.authorization_details, offer)))
      refuse("wider", `the consent is wider than what was asked, at ${wider.pointer}`);
    return { token, consent, hash };
  });

/** Opens a grant key by the encryption key that the consent names; its hash must be the one that the customer signed. */
export const openGrantKey = (party: Party, consent: Consent, sealed: string): Promise<Uint8Array> =>
  checked(async () => {
    const own = (await party.keys.encryption).get(consent.cnf.jkt);
    if (own === undefined) return refuse("confirmation", "the consent names an encryption key that is not this vendor's");
    const key = await openSealed(own, sealed, grantKeyContext(consent.grant_id, party.clientId));
    if (key.length !== 32 || (await hashOfGrantKey(key)) !== consent.grant_key)
      refuse("grant_key", "the grant key is not the one that the customer signed");
    return key;
  });

/** Opens a share: inside the consent unless it only takes something away. */
export const checkShare = (grantKey: Uint8Array, details: AuthorizationDetails, share: Share): Promise<Content> =>
  checked(async () => {
    const content = await openShare(grantKey, share);
    if (!("removed" in content) && !allowsRead(details, share.path)) refuse("outside", "a record is outside what the consent allows");
    return content;
  });

type Kept = StoredGrant["shares"][string];

/** By the very object that was made of a share: a row that is made right after a read opens nothing twice. */
const opened = new WeakMap<Kept, Content>();
export const keepOpened = (kept: Kept, content: Content): void => void opened.set(kept, content);

/** Opens a share that was checked when it came. */
export const openKept = async (grantKey: () => Promise<Uint8Array>, grant: string, path: string, kept: Kept): Promise<Content> =>
  opened.get(kept) ?? checked(async () => openShare(await grantKey(), { grant, path, version: kept.version, body: kept.body }));
