import type { Storage } from "../storage/storage.ts";
import { Bounded } from "./bounded.ts";
import { objectOf, takeApart } from "./compact-jws.ts";
import { Nonces } from "./nonces.ts";
import { isSignedBy, type PublicKey, publicKey } from "./public-key.ts";

/** How far a proof's time may be behind or ahead (FAPI 2.0, 5.3.2.1), in seconds. */
const PAST = 60;
const FUTURE = 10;
const LONGEST = 8192;

/** Why a proof was refused, in words for the one who writes the client. `nonce`: with it, a new proof is taken (RFC 9449, 8 and 9). */
export class ProofError extends Error {
  override readonly name = "ProofError";
  readonly nonce: string | undefined;
  constructor(message: string, nonce?: string) {
    super(message);
    this.nonce = nonce;
  }

  get code(): "use_dpop_nonce" | "invalid_dpop_proof" {
    return this.nonce === undefined ? "invalid_dpop_proof" : "use_dpop_nonce";
  }
}

export interface ExpectedProof {
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
  /** SHA-256 of the access token that the proof comes with. */
  readonly ath?: string;
}

export interface Proven {
  /** RFC 7638 thumbprint of the key. */
  readonly jkt: string;
  /** For the next proof, where it needs another nonce than this one had (RFC 9449, 8.2). */
  readonly nonce: string | undefined;
}

interface ProofsParts {
  readonly storage: Pick<Storage, "once">;
  readonly now: () => number;
  /**
   * Epoch milliseconds: proofs that may have been used before are refused, so that a restart that forgot them lets nothing in again. 0: none
   * are forgotten.
   */
  readonly started: number;
  /** Whether every proof needs a nonce, or only those that the process before may have seen. */
  readonly nonces: "start" | "always";
  /** That its nonces come of, where other processes take them too. */
  readonly secret?: Buffer | undefined;
}

/** DPoP proofs (RFC 9449). Keys are kept by the exact header segment, since importing one costs as much as verifying by it. */
export class Proofs {
  readonly #storage: Pick<Storage, "once">;
  readonly #now: () => number;
  readonly #started: number;
  readonly #always: boolean;
  /** Where they are of this process, a proof that has one was not used before its start. */
  readonly #nonces: Nonces;
  readonly #keys = new Bounded<PublicKey>(10_000);

  constructor({ storage, now, started, nonces, secret }: ProofsParts) {
    this.#storage = storage;
    this.#now = now;
    this.#started = Math.floor(started / 1000);
    this.#always = nonces === "always";
    this.#nonces = new Nonces(now, secret);
  }

  /** The key that made this proof for this request, now and for the first time. @throws {ProofError} */
  async prove(proof: string | undefined, expected: ExpectedProof): Promise<Proven> {
    const parts = proof === undefined || proof.length > LONGEST ? undefined : takeApart(proof);
    if (parts === undefined) throw new ProofError("one DPoP header with a proof is needed");
    const key = this.#keyOf(parts.header);
    const claims = objectOf(parts.payload);
    if (claims === undefined) throw new ProofError("the proof has no claims");
    const { htm, htu, iat, jti, ath, nonce } = claims;
    const now = this.#now() / 1000;
    if (htm !== expected.method) throw new ProofError("htm is not this method");
    if (typeof htu !== "string" || !isUrl(htu, expected.url)) throw new ProofError("htu is not this address");
    if (typeof iat !== "number" || !Number.isFinite(iat) || iat > now + FUTURE || iat < now - PAST) throw new ProofError("iat is not now");
    if (iat < this.#started) throw new ProofError("the proof is older than this server");
    // As late as the process before could have taken it, by a clock that is ahead.
    if ((this.#always || iat <= this.#started + FUTURE) && !this.#nonces.takes(nonce))
      throw new ProofError("this server takes proofs with its nonce", this.#nonces.newest);
    if (typeof jti !== "string" || jti.length < 1 || jti.length > 200) throw new ProofError("jti has 1 to 200 characters");
    if (expected.ath !== undefined && ath !== expected.ath) throw new ProofError("ath is not of this access token");
    if (!isSignedBy(key, parts.signed, Buffer.from(parts.signature, "base64url"))) throw new ProofError("the signature is wrong");
    if (!(await this.#storage.once("dpop", `${key.thumbprint}.${jti}`, (iat + PAST + FUTURE) * 1000)))
      throw new ProofError("this proof was used before");
    return { jkt: key.thumbprint, nonce: this.#always && nonce !== this.#nonces.newest ? this.#nonces.newest : undefined };
  }

  #keyOf(segment: string): PublicKey {
    const known = this.#keys.get(segment);
    if (known !== undefined) return known;
    const header = objectOf(segment);
    if (header?.typ !== "dpop+jwt" || header.crit !== undefined) throw new ProofError("typ is not dpop+jwt");
    const key = publicKey(header.jwk, header.alg);
    if (key === undefined) throw new ProofError("alg and jwk are not a public key of ES256, Ed25519 or PS256");
    this.#keys.set(segment, key);
    return key;
  }
}

function isUrl(htu: string, expected: string): boolean {
  if (htu === expected) return true;
  if (!URL.canParse(htu)) return false;
  const { origin, pathname } = new URL(htu);
  return origin + pathname === expected;
}
