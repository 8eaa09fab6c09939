import { compactVerify, importJWK, type JWK } from "jose";
import * as v from "valibot";
import { EvidenceError, exactly, readJws, VENDOR_ALGORITHMS } from "./jws.ts";
import { Count, Day, Id, Instant, Positive, Text, Words } from "./shapes.ts";

/** `typ` of a vendor's signed word that it has deleted (section 8). */
export const ATTESTATION_TYP = "erasure-attestation+jwt";

/** Why something stays in spite of an erasure: for these the catalogue has words. */
export const REMAINS = ["legal-duty", "open-order", "claim", "backup", "technical"] as const;

/** What stays. `what`, `note`: the vendor's own plain words, shown as a quote. `until`: null where it can't say. */
export const Remainder = v.strictObject({
  what: Words(100),
  why: v.picklist(REMAINS),
  until: v.nullable(Day),
  note: v.optional(Words(200)),
});
export type Remainder = v.InferOutput<typeof Remainder>;

/** Claims of an erasure attestation: a compact JWS by one of the vendor's signing keys. */
export const ErasureAttestation = v.strictObject({
  /** client_id */
  iss: Text(500),
  /** The server's issuer. */
  aud: Text(500),
  jti: Text(200),
  iat: Count,
  grant_id: Id,
  /** The consent in force when it ended, or the narrower one that it follows. */
  n: Positive,
  reason: v.picklist(["revoked", "expired", "declined", "narrowed", "retention"]),
  /** When it was done. */
  at: Instant,
  did: v.pipe(v.array(Words(100)), v.maxLength(50)),
  remains: v.pipe(v.array(Remainder), v.maxLength(50)),
  statement: v.optional(Words(500)),
});
export type ErasureAttestation = v.InferOutput<typeof ErasureAttestation>;

/** What the one who verifies an attestation knows by itself. */
export interface AttestationExpectation {
  /** The public JWK that must have signed it. */
  readonly key: JWK;
  readonly issuer: string;
  /** Issuer of the server that it is for; of several where its customer has moved between them. */
  readonly audience: string | readonly string[];
  readonly grant: string;
}

/**
 * An attestation's claims, by this key of its vendor, for this server and grant.
 * @throws {EvidenceError} `malformed`, `signature`, `typ`, `audience`, `context`
 */
export async function verifyAttestation(
  token: string,
  { key, issuer, audience, grant }: AttestationExpectation,
): Promise<ErasureAttestation> {
  const { header, payload } = readJws(token, ["alg", "kid", "typ"]);
  if (header.typ !== ATTESTATION_TYP) throw new EvidenceError("typ", `expected typ ${ATTESTATION_TYP}`);
  try {
    await compactVerify(token, await importJWK(key, String(header.alg)), { algorithms: [...VENDOR_ALGORITHMS] });
  } catch (cause) {
    throw new EvidenceError("signature", "the attestation is not signed by the vendor's key", { cause });
  }
  const claims = exactly(ErasureAttestation, payload);
  if (claims === undefined) throw new EvidenceError("malformed", "the attestation has an unknown shape");
  if (claims.iss !== issuer || ![audience].flat().includes(claims.aud))
    throw new EvidenceError("audience", "the attestation is another vendor's, or for another server");
  if (claims.grant_id !== grant) throw new EvidenceError("context", "the attestation is of another grant");
  return claims;
}
