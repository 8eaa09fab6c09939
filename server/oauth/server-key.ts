import { createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from "node:crypto";
import { type PublicKey, publicKey } from "../guards/public-key.ts";

/** A key that signs access tokens, introspection answers and events. It opens nothing and signs no consent. */
export interface ServerKey {
  readonly kid: string;
  /** As it stands in the keys document. */
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly publicKey: PublicKey;
  /** The signature of a JWS whose signing input is `data`. */
  sign(data: string): string;
}

export const makePrivateKey = (): JsonWebKey => generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });

/** @throws {TypeError} unless it is an Ed25519 key */
export function serverKeyOf(jwk: JsonWebKey): ServerKey {
  const published = publishedKey(jwk);
  const privateKey = createPrivateKey({ format: "jwk", key: { ...jwk } });
  return { ...published, sign: (data) => sign(null, Buffer.from(data), privateKey).toString("base64url") };
}

/** The public half. @throws {TypeError} unless it is an Ed25519 key */
export function publishedKey({ kty, crv, x }: JsonWebKey): Omit<ServerKey, "sign"> {
  const own = publicKey({ kty, crv, x }, "Ed25519");
  if (own === undefined) throw new TypeError("the server's key is not Ed25519");
  return { kid: own.thumbprint, jwk: { kty, crv, x, kid: own.thumbprint, use: "sig", alg: "Ed25519" }, publicKey: own };
}
