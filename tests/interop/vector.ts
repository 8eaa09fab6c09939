import type { JWK } from "jose";

/** A signed token of ours, and the public key by which it verifies. */
export interface SignedVector {
  name: string;
  alg: string;
  key: JWK;
  token: string;
}

/** A grant key, sealed by a customer's device. */
export interface SealedVector {
  name: string;
  /** Which of the test keys opens it. */
  key: "X25519" | "P-256";
  grant: string;
  clientId: string;
  token: string;
  /** base64url */
  plaintext: string;
}

/** What another implementation made as a vendor, by one algorithm. */
export interface ForeignVector {
  library: string;
  alg: "Ed25519" | "ES256" | "PS256";
  assertion: string;
  proof: string;
  attestation: string;
}

/** One run of both sides, at one moment of a clock that stands still. */
export interface Vectors {
  /** Epoch milliseconds. */
  at: number;
  issuer: string;
  /** The vendor's documents as it served them. */
  vendor: { clientId: string; metadata: Record<string, unknown>; jwks: { keys: JWK[] } };
  /** The grant that the access token and the attestations are of. */
  grant: string;
  ours: { jws: SignedVector[]; jwe: SealedVector[] };
  theirs: ForeignVector[];
}
