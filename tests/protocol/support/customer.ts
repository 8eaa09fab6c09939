import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOf } from "#protocol/canonical.ts";
import { CONSENT_TYP, type Consent } from "#protocol/consent-token.ts";
import { ed25519Thumbprint, thumbprint } from "#protocol/jws.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { type AgreementPair, makeAgreementPair, makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { grantKeyContext, hashOfGrantKey, type Share, sealShare } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";

export const DETAILS: AuthorizationDetails = [
  {
    type: "https://w3id.org/counterfoil/consent/1",
    actions: ["read"],
    paths: ["profile/emails/e1", "profile/addresses:town"],
    purpose: "https://w3id.org/dpv#CustomerCare",
    necessity: "optional",
    legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
    retention: "P30D",
    expires: "2027-05-20T10:15:00Z",
    frequency: { max: 1, per: "PT1H" },
    if_refused: "nothing",
  },
];

export interface Vendor {
  clientId: string;
  encryption: AgreementPair;
}
export const makeVendor = async (clientId: string): Promise<Vendor> => ({ clientId, encryption: await makeAgreementPair() });

/** What the customer keeps toward one vendor. */
export interface Secrets {
  sign: SigningPair;
  inbox: AgreementPair;
  grant: string;
  grantKey: Uint8Array;
  jti: string;
}
export const makeSecrets = async (): Promise<Secrets> => ({
  sign: await makeSigningPair(),
  inbox: await makeAgreementPair(),
  grant: newId(),
  grantKey: randomBytes(32),
  jti: newId(),
});

export async function makeConsent(secrets: Secrets, vendor: Vendor, changes: Partial<Consent> = {}): Promise<Consent> {
  const iss = await ed25519Thumbprint(secrets.sign.x);
  return {
    iss,
    sub: iss,
    aud: vendor.clientId,
    jti: secrets.jti,
    grant_id: secrets.grant,
    n: 1,
    prev: null,
    iat: 1_795_255_800,
    exp: Date.parse("2027-05-20T10:15:00Z") / 1000,
    authorization_details: DETAILS,
    cnf: { jkt: await thumbprint({ kty: "OKP", crv: "X25519", x: vendor.encryption.x }) },
    inbox: { kty: "OKP", crv: "X25519", x: secrets.inbox.x },
    grant_key: await hashOfGrantKey(secrets.grantKey),
    agreement: null,
    notice: { sha256: await hashOf(`what was shown of ${vendor.clientId}`), language: "en" },
    ...changes,
  };
}

export const signConsent = (consent: Consent, secrets: Secrets): Promise<string> => sign(consent, CONSENT_TYP, secrets.sign, true);

/** Everything that one vendor gets of a customer: as a pull answers it. */
export interface Received {
  consent: string;
  grantKey: string;
  shares: Share[];
}

export async function share(vendor: Vendor, secrets: Secrets): Promise<Received> {
  const { grant, grantKey } = secrets;
  return {
    consent: await signConsent(await makeConsent(secrets, vendor), secrets),
    grantKey: await sealTo({ kty: "OKP", crv: "X25519", x: vendor.encryption.x }, grantKey, grantKeyContext(grant, vendor.clientId)),
    shares: [
      await sealShare(grantKey, { grant, path: "profile/emails/e1", version: 1 }, { value: { address: "mira@example.org" } }),
      await sealShare(
        grantKey,
        { grant, path: "profile/addresses/a1:town", version: 1 },
        { value: { locality: "Cluj-Napoca", countryCode: "RO" } },
      ),
      await sealShare(grantKey, { grant, path: "profile/emails/e1", version: 2 }, { removed: true }),
    ],
  };
}
