import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { digest } from "../digest.ts";

/** A public key of a vendor with its one algorithm. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly algorithm: "Ed25519" | "ES256" | "PS256";
  /** RFC 7638 */
  readonly thumbprint: string;
}

/** The key of a JWK for `alg`, or undefined where the two don't fit or are not allowed (FAPI 2.0, 5.4.1). */
export function publicKey(jwk: unknown, alg: unknown): PublicKey | undefined {
  if (typeof jwk !== "object" || jwk === null || "d" in jwk || "k" in jwk) return undefined;
  const { kty, crv, x, y, n, e } = jwk as Record<string, unknown>;
  const text = (value: unknown): value is string => typeof value === "string" && value.length <= 1400;
  try {
    if (alg === "ES256" && kty === "EC" && crv === "P-256" && text(x) && text(y)) {
      return {
        key: createPublicKey({ format: "jwk", key: { kty, crv, x, y } }),
        algorithm: "ES256",
        thumbprint: digest(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`),
      };
    }
    if ((alg === "Ed25519" || alg === "EdDSA") && kty === "OKP" && crv === "Ed25519" && text(x)) {
      return {
        key: createPublicKey({ format: "jwk", key: { kty, crv, x } }),
        algorithm: "Ed25519",
        thumbprint: digest(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`),
      };
    }
    if (alg === "PS256" && kty === "RSA" && text(n) && text(e)) {
      const key = createPublicKey({ format: "jwk", key: { kty, n, e } });
      if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return undefined;
      return { key, algorithm: "PS256", thumbprint: digest(`{"e":"${e}","kty":"RSA","n":"${n}"}`) };
    }
  } catch {
    // Not a key: the same as one that does not fit.
  }
  return undefined;
}

/** Synchronous: cheaper here than WebCrypto's way through a thread. */
export function isSignedBy({ key, algorithm }: PublicKey, data: string, signature: Buffer): boolean {
  const bytes = Buffer.from(data);
  if (algorithm === "Ed25519") return verify(null, bytes, key, signature);
  if (algorithm === "ES256") return signature.length === 64 && verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, signature);
  return verify("sha256", bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
}
