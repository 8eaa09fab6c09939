import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from "node:crypto";
import { type PublicKey, publicKey } from "../guards/public-key.ts";
import type { Storage } from "../storage/storage.ts";

/** The key that signs access tokens. It opens nothing and signs no consent. */
export interface ServerKey {
  readonly kid: string;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly publicKey: PublicKey;
  sign(data: string): string;
}

interface KeysDocument {
  current: JsonWebKey;
}

/** The deployment's key, made at the first start. */
export async function openServerKey(storage: Pick<Storage, "getDocument" | "putDocument">): Promise<ServerKey> {
  let document = await storage.getDocument<KeysDocument>("keys");
  if (document === undefined) {
    document = { current: generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }) };
    await storage.putDocument("keys", document);
  }
  const privateKey = createPrivateKey({ format: "jwk", key: { ...document.current } });
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: "jwk" });
  const own = publicKey({ kty, crv, x }, "Ed25519");
  if (own === undefined) throw new TypeError("the server's key is not Ed25519");
  return {
    kid: own.thumbprint,
    jwk: { kty, crv, x, kid: own.thumbprint, use: "sig", alg: "Ed25519" },
    publicKey: own,
    sign: (data) => sign(null, Buffer.from(data), privateKey).toString("base64url"),
  };
}
