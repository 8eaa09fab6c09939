import * as v from "valibot";
import { AuthorizationDetails } from "./authorization-details.ts";
import { hashOf, hashOfJson } from "./canonical.ts";
import { EvidenceError, ed25519Thumbprint, exactly, readJws, verifyJws } from "./jws.ts";
import { lastExpiry } from "./narrow.ts";
import { Count, Hash, Id, OkpKey, Positive, Text, X25519Key } from "./shapes.ts";

/** `typ` of a signed consent. */
export const CONSENT_TYP = "consent+jwt";

/**
 * What one customer allowed one vendor, signed by the customer's relationship key (never by the server).
 * `iss` = `sub` = RFC 7638 thumbprint of that key, which stands in the header as `jwk`; `aud` the vendor's client_id; times in
 * seconds; `n` counts the consents of one grant from 1; `prev` hash of the consent before; `cnf` thumbprint of the vendor's
 * encryption key; `inbox` the customer's public key for deposits; `grant_key` hash of the grant key.
 */
export const Consent = v.strictObject({
  iss: Hash,
  sub: Hash,
  aud: Text(500),
  jti: Id,
  grant_id: Id,
  n: Positive,
  prev: v.nullable(Hash),
  iat: Count,
  exp: Positive,
  authorization_details: AuthorizationDetails,
  cnf: v.strictObject({ jkt: Hash }),
  inbox: X25519Key,
  grant_key: Hash,
  agreement: v.nullable(Hash),
  /** Hash and language of what was shown when it was given. */
  notice: v.strictObject({ sha256: Hash, language: Text(20) }),
  /** The customer's browser sent Global Privacy Control when it was given: no sale or sharing of what is read. Absent: it did not. */
  gpc: v.optional(v.literal(true)),
});
export type Consent = v.InferOutput<typeof Consent>;

/** The object of an act that approves: the hash of the canonical consent, before it is signed. */
export const consentObject = (consent: Consent): Promise<string> => hashOfJson(consent);
/** The object of an act that ends a grant, and `prev` of the next consent: the hash of the signed token. */
export const hashOfConsent = (token: string): Promise<string> => hashOf(token);

/** What the one who verifies knows by itself. */
export interface ConsentExpectation {
  /** The vendor's client_id. */
  audience?: string;
  grant?: string;
  /** Thumbprint of the relationship key seen first for this grant. */
  pinned?: string;
  /** Thumbprints of the vendor's own encryption keys, retired ones included. */
  encryptionKeys?: readonly string[];
  /** The last consent of this grant seen. */
  seen?: { n: number; hash: string };
  /** Epoch milliseconds at which it must hold; absent where evidence of the past is verified. */
  now?: number;
}

/**
 * Verifies a consent by the key in its own header, whose thumbprint is its issuer. A chain of trust in itself only with `pinned`.
 * @throws {EvidenceError} `malformed`, `signature`, `typ`, `pin`, `audience`, `context`, `confirmation`, `older`, `fork`, `expired`
 */
export async function verifyConsent(token: string, expected: ConsentExpectation): Promise<{ consent: Consent; key: string; hash: string }> {
  const key = keyOf(token);
  const consent = exactly(Consent, await verifyJws(token, key, CONSENT_TYP));
  if (consent === undefined) throw new EvidenceError("malformed", "the consent has an unknown shape");
  const issuer = await ed25519Thumbprint(key);
  if (consent.iss !== issuer || consent.sub !== issuer)
    throw new EvidenceError("signature", "the consent's issuer is not the key that signed it");
  if (expected.pinned !== undefined && issuer !== expected.pinned)
    throw new EvidenceError("pin", "the consent is signed by another key than the grant's first one");
  if (expected.audience !== undefined && consent.aud !== expected.audience)
    throw new EvidenceError("audience", "the consent is for another vendor");
  if (expected.grant !== undefined && consent.grant_id !== expected.grant)
    throw new EvidenceError("context", "the consent is of another grant");
  if (expected.encryptionKeys !== undefined && !expected.encryptionKeys.includes(consent.cnf.jkt))
    throw new EvidenceError("confirmation", "the consent names an encryption key that is not this vendor's");
  if (consent.exp * 1000 !== lastExpiry(consent.authorization_details))
    throw new EvidenceError("malformed", "exp is not the last expiry of the authorization_details");
  const hash = await hashOfConsent(token);
  if (expected.seen !== undefined) checkSuccession(expected.seen, consent, hash);
  if (expected.now !== undefined && expected.now >= consent.exp * 1000) throw new EvidenceError("expired", "the consent has ended");
  return { consent, key, hash };
}

function checkSuccession(seen: { n: number; hash: string }, consent: Consent, hash: string): void {
  if (consent.n < seen.n) throw new EvidenceError("older", `consent ${consent.n} is older than consent ${seen.n}, seen before`);
  if (consent.n === seen.n && hash !== seen.hash) throw new EvidenceError("fork", `consent ${consent.n} differs from the one seen before`);
  if (consent.n === seen.n + 1 && consent.prev !== seen.hash)
    throw new EvidenceError("fork", `consent ${consent.n} does not follow the one seen before`);
}

function keyOf(token: string): string {
  const key = exactly(OkpKey, readJws(token).header.jwk ?? null);
  if (key?.crv !== "Ed25519") throw new EvidenceError("malformed", "the consent's header names no Ed25519 key");
  return key.x;
}

/** The consent's claims, unverified. @throws {EvidenceError} `malformed` */
export function readConsent(token: string): Consent {
  const consent = exactly(Consent, readJws(token).payload);
  if (consent === undefined) throw new EvidenceError("malformed", "the consent has an unknown shape");
  return consent;
}
