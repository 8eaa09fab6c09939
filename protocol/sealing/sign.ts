import { CompactSign, importJWK } from "jose";
import { canonical, utf8 } from "../canonical.ts";
import { OUR_ALGORITHM } from "../jws.ts";
import type { SigningPair } from "./pairs.ts";

/** A compact JWS by an Ed25519 pair over a value's canonical text; the header is canonical too. `embed`: put the public key into the header (`jwk`). */
export async function sign(payload: unknown, typ: string, pair: SigningPair, embed = false): Promise<string> {
  const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: pair.x, d: pair.d }, OUR_ALGORITHM);
  return new CompactSign(utf8(canonical(payload)))
    .setProtectedHeader({ alg: OUR_ALGORITHM, ...(embed ? { jwk: { crv: "Ed25519", kty: "OKP", x: pair.x } } : {}), typ })
    .sign(key);
}
