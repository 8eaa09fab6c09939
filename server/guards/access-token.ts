import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { Scope } from "#protocol/scopes.ts";
import { digest, randomText } from "../digest.ts";
import { type Signer, signedJws } from "../signed-jws.ts";
import { Bounded } from "./bounded.ts";
import { type CompactParts, objectOf, takeApart } from "./compact-jws.ts";
import { isSignedBy, type PublicKey } from "./public-key.ts";

/** Seconds. */
export const TOKEN_LIFETIME = 300;
const TYP = "at+jwt";

interface Facts {
  readonly hash: string;
  readonly jti: string;
  readonly subject: string;
  readonly clientId: string;
  readonly jkt: string;
  /** Seconds. */
  readonly iat: number;
  readonly exp: number;
}

/** A token of one grant. It says who it speaks for, never what it may: that, the grant says at each request. */
export interface GrantToken extends Facts {
  readonly grant: string;
  /** Of another one than its grant's, it has been revoked. */
  readonly generation: number;
  /** Where its client wanted less than was granted (RFC 9396, 6): what, of which consent. */
  readonly narrowed: { readonly n: number; readonly details: AuthorizationDetails } | null;
}

/** A token of a vendor itself. */
export interface VendorToken extends Facts {
  readonly grant: null;
  readonly scopes: readonly Scope[];
}

export type TokenFacts = GrantToken | VendorToken;

interface Keys extends Signer {
  /** The public key by which a token that holds now may be signed. */
  find(kid: unknown): PublicKey | undefined;
  /** Whether another process has made a key of that name, which `find` knows from now on. */
  look(kid: unknown): Promise<boolean>;
}

type Wanted = Pick<Facts, "subject" | "clientId" | "jkt"> &
  (Pick<GrantToken, "grant" | "generation" | "narrowed"> | Pick<VendorToken, "grant" | "scopes">);

/**
 * Access tokens (RFC 9068), bound to a DPoP key. What is granted does not stand in them unless a client asked for less, since each is one
 * header, and sixteen objects of 64 paths are more than a header may hold. One that was verified is known by its hash until it ends.
 */
export class AccessTokens {
  readonly #keys: Keys;
  readonly #issuer: string;
  readonly #now: () => number;
  readonly #known = new Bounded<TokenFacts>(20_000);

  constructor(keys: Keys, issuer: string, now: () => number) {
    this.#keys = keys;
    this.#issuer = issuer;
    this.#now = now;
  }

  get audience(): string {
    return `${this.#issuer}/api`;
  }

  make(of: Wanted): string {
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
      ...(of.grant === null
        ? { scope: of.scopes.join(" ") }
        : {
            grant_id: of.grant,
            generation: of.generation,
            ...(of.narrowed === null ? {} : { n: of.narrowed.n, authorization_details: of.narrowed.details }),
          }),
    };
    return signedJws(this.#keys, TYP, claims);
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
    // Those with details of their own are large, and few.
    if (facts.grant === null || facts.narrowed === null) this.#known.set(hash, facts);
    return facts;
  }

  /** The same, also by a key that this process has not heard of. */
  async find(token: string): Promise<TokenFacts | undefined> {
    return this.read(token) ?? ((await this.#keys.look(headerOf(token)?.kid)) ? this.read(token) : undefined);
  }

  /** Keeps nothing in memory of a grant that is over. */
  forget(grant: string): void {
    for (const [hash, facts] of this.#known.entries()) if (facts.grant === grant) this.#known.delete(hash);
  }

  #verify(token: string, hash: string): TokenFacts | undefined {
    const parts = partsOf(token);
    const header = parts && objectOf(parts.header);
    if (parts === undefined || header?.alg !== "Ed25519" || header.typ !== TYP) return undefined;
    const key = this.#keys.find(header.kid);
    if (key === undefined || !isSignedBy(key, parts.signed, Buffer.from(parts.signature, "base64url"))) return undefined;
    const claims = objectOf(parts.payload);
    if (claims?.iss !== this.#issuer || claims.aud !== this.audience) return undefined;
    // Whatever this server has signed with this typ has this shape.
    const { sub, client_id, jti, iat, exp, cnf, grant_id, generation, scope, n, authorization_details } = claims as unknown as Claims;
    const facts: Facts = { hash, jti, subject: sub, clientId: client_id, jkt: cnf.jkt, iat, exp };
    if (grant_id === undefined) return { ...facts, grant: null, scopes: (scope ?? "").split(" ") as Scope[] };
    const narrowed = n === undefined || authorization_details === undefined ? null : { n, details: authorization_details };
    return { ...facts, grant: grant_id, generation: generation ?? 0, narrowed };
  }
}

const partsOf = (token: string): CompactParts | undefined => (token.length > 100_000 ? undefined : takeApart(token));

function headerOf(token: string): Record<string, unknown> | undefined {
  const parts = partsOf(token);
  return parts && objectOf(parts.header);
}

interface Claims {
  sub: string;
  client_id: string;
  jti: string;
  iat: number;
  exp: number;
  cnf: { jkt: string };
  grant_id?: string;
  generation?: number;
  scope?: string;
  n?: number;
  authorization_details?: AuthorizationDetails;
}
