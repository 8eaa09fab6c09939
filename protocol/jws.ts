import { type CryptoKey, calculateJwkThumbprint, compactVerify, errors, importJWK, type JWK } from "jose";
import * as v from "valibot";
import { base64url, canonical, fromUtf8 } from "./canonical.ts";

/** The algorithm of every signature of ours (RFC 9864). */
export const OUR_ALGORITHM = "Ed25519";
/** Algorithms that a vendor's signature may have (FAPI 2.0, 5.4.1); never none, never RS256. */
export const VENDOR_ALGORITHMS: readonly string[] = ["Ed25519", "EdDSA", "ES256", "PS256"];

/** Why a signed thing was refused. `code` is closed; the message says expected and got, never a value. */
export class EvidenceError extends Error {
  override readonly name = "EvidenceError";
  readonly code: EvidenceCode;
  constructor(code: EvidenceCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
/** Which check failed. */
export type EvidenceCode =
  | "signature"
  | "typ"
  | "malformed"
  | "context"
  | "commitment"
  | "older"
  | "fork"
  | "account"
  | "root"
  | "ways"
  | "audience"
  | "confirmation"
  | "pin"
  | "wider"
  | "expired"
  | "restored"
  | "outside";

const importedKeys = new Map<string, Promise<CryptoKey>>();

/** An Ed25519 public key from its x coordinate, imported once while it is in use. */
function ed25519(x: string): Promise<CryptoKey> {
  let key = importedKeys.get(x);
  if (key === undefined) {
    if (importedKeys.size > 256) importedKeys.clear();
    base64url.decode(x);
    key = importJWK({ kty: "OKP", crv: "Ed25519", x }, OUR_ALGORITHM) as Promise<CryptoKey>;
    importedKeys.set(x, key);
  }
  return key;
}

const HEADER = ["alg", "jwk", "typ"];

/**
 * Header and payload of a compact JWS of ours, unverified. It has one text only: canonical base64url, header and payload canonical
 * JSON (so no duplicate members), and no header parameter but `parameters`, which are `alg`, `typ` and `jwk` unless told (so no `crit`, no
 * `b64`, RFC 7797).
 * @throws {EvidenceError} `malformed`
 */
export function readJws(token: string, parameters: readonly string[] = HEADER): { header: Record<string, unknown>; payload: unknown } {
  try {
    const segments = token.split(".").map((each) => base64url.decode(each));
    if (segments.length !== 3) throw new TypeError("segments");
    const [header, payload] = segments.slice(0, 2).map((each) => {
      const text = fromUtf8(each);
      const value: unknown = JSON.parse(text);
      if (canonical(value) !== text) throw new TypeError("not canonical");
      return value;
    });
    if (typeof header !== "object" || header === null || !Object.keys(header).every((each) => parameters.includes(each)))
      throw new TypeError("header");
    return { header: header as Record<string, unknown>, payload };
  } catch (cause) {
    throw new EvidenceError("malformed", "expected a compact JWS with canonical header and payload", { cause });
  }
}

/**
 * The payload of a compact JWS by the Ed25519 key whose x coordinate is `key`, of exactly this `typ`.
 * @throws {EvidenceError} `typ`, `signature`, `malformed`
 */
export async function verifyJws(token: string, key: string, typ: string): Promise<unknown> {
  let verified: Awaited<ReturnType<typeof compactVerify>>;
  try {
    verified = await compactVerify(token, await ed25519(key), { algorithms: [OUR_ALGORITHM] });
  } catch (cause) {
    throw new EvidenceError(
      cause instanceof errors.JWSSignatureVerificationFailed ? "signature" : "malformed",
      `the ${typ} is not signed by the expected key`,
      { cause },
    );
  }
  if (verified.protectedHeader.typ !== typ) throw new EvidenceError("typ", `expected typ ${typ}`);
  return readJws(token).payload;
}

/** RFC 7638 thumbprint of an Ed25519 or X25519 public key, or any JWK. */
export const thumbprint = (jwk: JWK): Promise<string> => calculateJwkThumbprint(jwk, "sha256");
/** The same of an Ed25519 public key by its x coordinate. */
export const ed25519Thumbprint = (x: string): Promise<string> => thumbprint({ kty: "OKP", crv: "Ed25519", x });

/**
 * The value in this shape if it is nothing but that, else undefined. The plain parsers drop what they can't name (`__proto__` in a
 * record, the members of an array); what is signed must be read whole or refused.
 */
export function exactly<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, value);
  return parsed.success && canonical(parsed.output) === canonical(value) ? parsed.output : undefined;
}
