import { digest, randomText } from "../digest.ts";
import { Bounded } from "./bounded.ts";
import { objectOf, takeApart } from "./compact-jws.ts";
import { isSignedBy, type PublicKey } from "./public-key.ts";

/** Seconds. */
export const TOKEN_LIFETIME = 300;
const TYP = "at+jwt";

/** Who a token speaks for. Never what it may: that, the grant says at each request. */
export interface TokenFacts {
  readonly hash: string;
  readonly grant: string;
  readonly clientId: string;
  readonly jkt: string;
  /** Seconds. */
  readonly exp: number;
}

interface Signer {
  readonly kid: string;
  readonly publicKey: PublicKey;
  sign(data: string): string;
}

/**
 * Access tokens (RFC 9068), bound to a DPoP key. What is granted does not stand in them, since each is one header, and sixteen objects
 * of 64 paths are more than a header may hold. One that was verified is known by its hash until it ends.
 */
export class AccessTokens {
  readonly #key: Signer;
  readonly #issuer: string;
  readonly #now: () => number;
  readonly #known = new Bounded<TokenFacts>(20_000);

  constructor(key: Signer, issuer: string, now: () => number) {
    this.#key = key;
    this.#issuer = issuer;
    this.#now = now;
  }

  get audience(): string {
    return `${this.#issuer}/api`;
  }

  make(of: { subject: string; clientId: string; grant: string; jkt: string }): string {
    const iat = Math.floor(this.#now() / 1000);
    const claims = {
      iss: this.#issuer,
      aud: this.audience,
      sub: of.subject,
      client_id: of.clientId,
      iat,
      exp: iat + TOKEN_LIFETIME,
      jti: randomText(16),
      cnf: { jkt: of.jkt },
      grant_id: of.grant,
    };
    const signed = `${encode({ alg: "Ed25519", typ: TYP, kid: this.#key.kid })}.${encode(claims)}`;
    return `${signed}.${this.#key.sign(signed)}`;
  }

  /** Undefined for what is not a token of this server that holds now. */
  read(token: string): TokenFacts | undefined {
    const hash = digest(token);
    const now = this.#now() / 1000;
    const known = this.#known.get(hash);
    if (known !== undefined) {
      if (now < known.exp) return known;
      this.#known.delete(hash);
      return undefined;
    }
    const facts = this.#verify(token, hash);
    if (facts === undefined || now >= facts.exp) return undefined;
    this.#known.set(hash, facts);
    return facts;
  }

  /** Keeps nothing in memory of a grant that is over. */
  forget(grant: string): void {
    for (const [hash, facts] of this.#known.entries()) if (facts.grant === grant) this.#known.delete(hash);
  }

  #verify(token: string, hash: string): TokenFacts | undefined {
    const parts = token.length > 100_000 ? undefined : takeApart(token);
    const header = parts && objectOf(parts.header);
    if (parts === undefined || header?.alg !== "Ed25519" || header.typ !== TYP || header.kid !== this.#key.kid) return undefined;
    if (!isSignedBy(this.#key.publicKey, parts.signed, Buffer.from(parts.signature, "base64url"))) return undefined;
    const claims = objectOf(parts.payload);
    if (claims?.iss !== this.#issuer || claims.aud !== this.audience) return undefined;
    const {
      grant_id: grant,
      client_id: clientId,
      exp,
      cnf,
    } = claims as { grant_id: string; client_id: string; exp: number; cnf: { jkt: string } };
    return { hash, grant, clientId, jkt: cnf.jkt, exp };
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
