import { exportJWK, generateKeyPair } from "jose";
import { base64url, concat } from "../canonical.ts";

/** An Ed25519 pair as the coordinates of its JWK (RFC 8037): base64url of 32 bytes each. */
export interface SigningPair {
  x: string;
  d: string;
}
/** An X25519 pair, the same. */
export type AgreementPair = SigningPair;

/** A fresh Ed25519 pair. */
export const makeSigningPair = (): Promise<SigningPair> => make("Ed25519", "Ed25519");
/** A fresh X25519 pair. */
export const makeAgreementPair = (): Promise<AgreementPair> => make("ECDH-ES+A256KW", "X25519");

async function make(alg: string, crv: string): Promise<SigningPair> {
  const { privateKey } = await generateKeyPair(alg, { crv, extractable: true });
  const { x, d } = await exportJWK(privateKey);
  return { x: x as string, d: d as string };
}

const PKCS8 = { Ed25519: "302e020100300506032b657004220420", X25519: "302e020100300506032b656e04220420" };

/** The pair of a 32-byte seed (RFC 8032, 5.1.5; RFC 7748, 5): for keys that a kit's secret gives. */
export async function pairFromSeed(curve: "Ed25519" | "X25519", seed: Uint8Array): Promise<SigningPair> {
  const prefix = Uint8Array.from(PKCS8[curve].match(/../g) as string[], (byte) => Number.parseInt(byte, 16));
  const key = await crypto.subtle.importKey(
    "pkcs8",
    concat(prefix, seed),
    { name: curve },
    true,
    curve === "Ed25519" ? ["sign"] : ["deriveBits"],
  );
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return { x: x as string, d: base64url.encode(seed) };
}
