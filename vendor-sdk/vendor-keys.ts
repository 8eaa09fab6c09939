import { type CryptoKey, importJWK, type JWK } from "jose";
import { thumbprint } from "../protocol/jws.ts";

/** A vendor's own keys, sorted by their use. */
export interface VendorKeys {
  /** Signs client assertions (RFC 7523). */
  readonly signing: { alg: string; kid: string | undefined; key: Promise<CryptoKey> };
  /** Thumbprint of the encryption key that jwks_uri serves: the first one in the list. */
  readonly current: Promise<string>;
  /** Private encryption keys by thumbprint, retired ones included. */
  readonly encryption: Promise<ReadonlyMap<string, JWK>>;
}

const algorithmOf = (jwk: JWK): string | undefined => {
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") return "Ed25519";
  if (jwk.kty === "EC" && jwk.crv === "P-256") return "ES256";
  return jwk.kty === "RSA" ? "PS256" : undefined;
};

/**
 * @param keys private JWKs: one `use: "sig"` (Ed25519, P-256 or RSA) and one or more `use: "enc"` (X25519 or P-256), the one in use
 * first, retired ones after it
 * @throws {TypeError} if one is missing, public only, or of another kind
 */
export function vendorKeys(keys: readonly JWK[]): VendorKeys {
  const signing = keys.find((key) => key.use === "sig");
  const encryption = keys.filter((key) => key.use === "enc");
  if (signing === undefined || encryption.length === 0)
    throw new TypeError('keys: expected a private JWK with use "sig" and one with use "enc"');
  if ([signing, ...encryption].some((key) => typeof key.d !== "string")) throw new TypeError("keys: expected private keys (member d)");
  const alg = algorithmOf(signing);
  if (alg === undefined) throw new TypeError("keys: expected a signing key on Ed25519 or P-256, or RSA");
  if (encryption.some((key) => !(key.kty === "OKP" && key.crv === "X25519") && !(key.kty === "EC" && key.crv === "P-256")))
    throw new TypeError("keys: expected encryption keys on X25519 or P-256");
  const prints = Promise.all(encryption.map((key) => thumbprint(key)));
  return {
    signing: { alg, kid: signing.kid, key: importJWK(signing, alg) as Promise<CryptoKey> },
    current: prints.then(([first]) => first as string),
    encryption: prints.then((all) => new Map(all.map((print, at) => [print, encryption[at] as JWK]))),
  };
}
