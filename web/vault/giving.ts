import { type Client, LIMITS } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { base64url, hashOf } from "#protocol/canonical.ts";
import { CONSENT_TYP, type Consent, hashOfConsent } from "#protocol/consent-token.ts";
import { RESTORED_STEP } from "#protocol/head.ts";
import { lastExpiry } from "#protocol/narrow.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { grantKeyContext, hashOfGrantKey } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import type { Change } from "./change.ts";
import type { KnownGrant } from "./grants.ts";
import { issuerOf, type OwnGrant, type Relationship } from "./relationship.ts";
import type { Replica } from "./replica.ts";
import { eraAt, inEra } from "./share-version.ts";
import { VaultError } from "./vault.ts";

/** What a consent is made of, besides what the store knows. */
export interface Wish {
  readonly grant: { readonly id: string; readonly key: Uint8Array };
  /** As the vendor names records. */
  readonly details: AuthorizationDetails;
  readonly client: Client;
  /** The vendor's key that the grant key is sealed to. */
  readonly vendorKey: { readonly jkt: string; readonly jwk: Client["encryption_key"] };
  readonly notice: Consent["notice"];
  readonly gpc: boolean;
}

/** A signed consent on its way. */
export interface Giving {
  /** Path of the relationship. */
  readonly at: string;
  readonly relationship: Relationship;
  readonly consent: Consent;
  readonly own: OwnGrant;
  readonly wish: Wish;
  readonly change: NonNullable<Change["consent"]>;
}

/**
 * Signs a consent: the first of its grant, or the one that follows `known`'s with the same keys.
 * @param request that it answers; null where the customer narrows by themselves
 */
export async function give(
  [at, relationship]: readonly [string, Relationship],
  wish: Wish,
  { known, request, now, restored }: { known: KnownGrant | undefined; request: string | null; now: number; restored: Replica["restored"] },
): Promise<Giving> {
  const { grant, details, client, vendorKey } = wish;
  const pauseSecret = known?.own.pauseSecret ?? base64url.encode(randomBytes(32));
  const issuer = await issuerOf(relationship);
  const n = inEra(known?.own.n ?? 0, known === undefined || restored === null ? 0 : eraAt(restored.at)) + 1;
  if (n % RESTORED_STEP > LIMITS.consents) throw new VaultError("full", "changed as often as one can be");
  const consent: Consent = {
    iss: issuer,
    sub: issuer,
    aud: client.client_id,
    jti: newId(),
    grant_id: grant.id,
    n,
    prev: known?.own.hash ?? null,
    iat: Math.floor(now / 1000),
    exp: lastExpiry(details) / 1000,
    authorization_details: details,
    cnf: { jkt: vendorKey.jkt },
    inbox: { kty: "OKP", crv: "X25519", x: relationship.keys.inbox.x },
    grant_key: await hashOfGrantKey(grant.key),
    agreement: null,
    notice: wish.notice,
    ...(wish.gpc ? { gpc: true } : {}),
  };
  const token = await sign(consent, CONSENT_TYP, relationship.keys.sign, true);
  const own: OwnGrant = {
    key: base64url.encode(grant.key),
    n,
    hash: await hashOfConsent(token),
    token,
    pauseSecret,
    askedAt: new Date(now).toISOString(),
    client,
    ...(known === undefined ? {} : { earlier: [...(known.own.earlier ?? []), known.consent.iat] }),
  };
  const sealedKey = await sealTo(vendorKey.jwk, grant.key, grantKeyContext(grant.id, client.client_id));
  const commit = { token, grantKey: sealedKey, pause: await hashOf(pauseSecret), request };
  return { at, relationship, consent, own, wish, change: { grant: grant.id, at, n, key: grant.key, details, commit } };
}

/** The relationship with what was given in it. */
export function withGiven(relationship: Relationship, { consent, own, wish }: Giving, now: number): Relationship {
  const { jkt, jwk } = wish.vendorKey;
  const pinned = relationship.pins.some((pin) => pin.jkt === jkt);
  const pins = pinned ? relationship.pins : [...relationship.pins, { jkt, jwk, since: new Date(now).toISOString() }];
  return { ...relationship, name: wish.client.client_name, pins, grants: { ...relationship.grants, [consent.grant_id]: own } };
}
