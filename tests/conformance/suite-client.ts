import { createHash, randomBytes } from "node:crypto";
import { CompactSign, type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { type AuthorizationDetail, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { type Documents, serveDocuments } from "./documents.ts";
import { type Answer, jsonOf, send } from "./wire.ts";

export type Algorithm = "EdDSA" | "ES256" | "PS256";
export type Members = Record<string, unknown>;

export interface Key {
  readonly alg: Algorithm;
  readonly private: CryptoKey;
  readonly jwk: JWK;
  /** With its private members. */
  readonly secret: JWK;
}

export async function makeKey(alg: Algorithm): Promise<Key> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { alg, private: pair.privateKey, jwk: await exportJWK(pair.publicKey), secret: await exportJWK(pair.privateKey) };
}

/** What a case changes of a JWT: the members of its header and its claims, who signs it, or what becomes of it once it is signed. */
export interface JwtChange {
  header?: (header: Members) => Members;
  claims?: (claims: Members) => Members;
  key?: Key;
  /** Signed by the same RSA key with RSASSA-PKCS1-v1_5, as an RS256 key would. */
  rs256?: boolean;
  signed?: (jwt: string) => string;
}

export interface Call {
  /** Form parameters in place of the usual ones; undefined: leaves one out. */
  form?: Record<string, string | undefined>;
  /** How the client proves itself; null: not at all. */
  assertion?: JwtChange | null;
  /** The DPoP proof; null: none. */
  proof?: JwtChange | null;
  /** The key of the proof. */
  dpop?: Key;
  method?: string;
  /** In place of the form's own. */
  contentType?: string;
  /** What becomes of the encoded form. */
  body?: (form: string) => string;
}

export interface Read {
  proof?: JwtChange | null;
  dpop?: Key;
  /** In place of `DPoP`. */
  scheme?: string;
  /** In place of the header `DPoP` and its one proof. */
  carry?: (proof: string, another: string) => Record<string, string | string[]>;
  /** Puts the token into the query, too. */
  inQuery?: boolean;
  accept?: string;
}

/** One purpose, asked of a customer. @param now epoch milliseconds */
export const askForEmail = (now: number): AuthorizationDetail => ({
  type: CONSENT_TYPE,
  actions: ["read"],
  paths: ["profile/emails"],
  purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
  necessity: "optional",
  legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
  explanation: { en: "To write to you about your orders." },
  retention: "P30D",
  expires: `${new Date(now + 90 * 86_400_000).toISOString().slice(0, 19)}Z`,
  frequency: { max: 60, per: "PT1H" },
  if_refused: "nothing",
});

export const without =
  (...names: string[]) =>
  (members: Members): Members =>
    Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
export const withMembers =
  (change: Members) =>
  (members: Members): Members => ({ ...members, ...change });
export const s256 = (text: string): string => createHash("sha256").update(text).digest("base64url");
const random = (bytes = 32): string => randomBytes(bytes).toString("base64url");
const part = (members: Members): string => Buffer.from(JSON.stringify(members)).toString("base64url");

export async function signJwt(header: Members, claims: Members, key: Key, change: JwtChange = {}): Promise<string> {
  const head = (change.header ?? ((all) => all))(header);
  const payload = (change.claims ?? ((all) => all))(claims);
  const by = change.key ?? key;
  if (change.rs256) {
    const rsa = await importJWK({ ...by.secret, alg: "RS256" }, "RS256");
    return new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({ ...head, alg: "RS256" }).sign(rsa);
  }
  // Signs any header at all, which no library for good tokens does.
  const input = `${part(head)}.${part(payload)}`;
  const { subtle } = globalThis.crypto;
  const algorithm =
    by.alg === "EdDSA" ? "Ed25519" : by.alg === "ES256" ? { name: "ECDSA", hash: "SHA-256" } : { name: "RSA-PSS", saltLength: 32 };
  const signature = await subtle.sign(algorithm, by.private, Buffer.from(input));
  return (change.signed ?? ((jwt) => jwt))(`${input}.${Buffer.from(signature).toString("base64url")}`);
}

/**
 * A client as the conformance suite's: it sends what `AbstractFAPI2SPFinalServerTestModule` sends (claims, parameters, order, one more try
 * where a nonce is asked for), and a case changes one thing of it. It shares no code with the SDK.
 */
export class SuiteClient implements AsyncDisposable {
  readonly issuer: string;
  readonly now: () => number;
  readonly key: Key;
  readonly documents: Documents;
  dpop: Key;
  verifier = random();
  /** What this server needs in every request besides. */
  always: Record<string, string> = {};
  /** The protected resource, where it isn't a grant's records. */
  resource: string | undefined;
  /** By endpoint kind, since authorization server and resource server may have nonces of their own (RFC 9449, 8.2). */
  readonly #nonces: { server?: string; resource?: string } = {};

  private constructor(parts: Pick<SuiteClient, "issuer" | "now" | "key" | "dpop" | "documents">) {
    this.issuer = parts.issuer;
    this.now = parts.now;
    this.key = parts.key;
    this.dpop = parts.dpop;
    this.documents = parts.documents;
  }

  static async start({ issuer, now, alg }: { issuer: string; now: () => number; alg: Algorithm }): Promise<SuiteClient> {
    const key = await makeKey(alg);
    const documents = await serveDocuments({ ...key.jwk, alg });
    return new SuiteClient({ issuer, now, key, dpop: await makeKey(alg), documents });
  }

  get clientId(): string {
    return this.documents.clientId;
  }

  get redirectUri(): string {
    return this.documents.redirectUri;
  }

  /** The second client's redirect URI of the suite (`AddRedirectUriQuerySuffix`). */
  get redirectUriWithQuery(): string {
    return `${this.redirectUri}?dummy1=lorem&dummy2=ipsum`;
  }

  jkt(key = this.dpop): Promise<string> {
    return calculateJwkThumbprint(key.jwk, "sha256");
  }

  /** `CreateClientAuthenticationAssertionClaimsWithIssAudience`, then `SignClientAuthenticationAssertion`. */
  assertion(change: JwtChange = {}): Promise<string> {
    const now = Math.floor(this.now() / 1000);
    const claims = { iss: this.clientId, sub: this.clientId, aud: this.issuer, jti: random(15), nbf: now, iat: now, exp: now + 60 };
    return signJwt({ alg: this.key.alg, kid: "s1" }, claims, this.key, change);
  }

  async #authenticated(form: Record<string, string | undefined>, assertion: JwtChange | null | undefined): Promise<string> {
    const proven =
      assertion === null
        ? {}
        : {
            client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion: await this.assertion(assertion),
          };
    const all = Object.entries({ ...proven, ...form }).filter((each): each is [string, string] => each[1] !== undefined);
    return new URLSearchParams(all).toString();
  }

  proof(
    of: { method: string; url: string; token?: string; dpop?: Key; at: "server" | "resource" },
    change: JwtChange = {},
  ): Promise<string> {
    const key = of.dpop ?? this.dpop;
    const nonce = this.#nonces[of.at];
    const claims = {
      jti: random(15),
      htm: of.method,
      htu: of.url,
      iat: Math.floor(this.now() / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      ...(of.token === undefined ? {} : { ath: s256(of.token) }),
    };
    return signJwt({ typ: "dpop+jwt", alg: key.alg, jwk: key.jwk }, claims, key, change);
  }

  /** `MAX_RETRY` of the suite is 2: what asks for a nonce is sent once more, with everything made anew. */
  async #twice(at: "server" | "resource", once: () => Promise<Answer>): Promise<Answer> {
    const first = await once();
    const nonce = first.headers["dpop-nonce"];
    if (typeof nonce !== "string") return first;
    this.#nonces[at] = nonce;
    const asked = jsonOf(first).error === "use_dpop_nonce" || /error="use_dpop_nonce"/.test(first.headers["www-authenticate"] ?? "");
    return asked ? once() : first;
  }

  async #post(path: string, form: Record<string, string | undefined>, call: Call): Promise<Answer> {
    const url = this.issuer + path;
    return this.#twice("server", async () => {
      const proof =
        call.proof === null
          ? undefined
          : await this.proof({ method: "POST", url, at: "server", ...(call.dpop && { dpop: call.dpop }) }, call.proof);
      return send({
        method: call.method ?? "POST",
        url,
        headers: {
          "content-type": call.contentType ?? "application/x-www-form-urlencoded;charset=UTF-8",
          accept: "application/json",
          ...(proof === undefined ? {} : { dpop: proof }),
        },
        body: (call.body ?? ((body) => body))(await this.#authenticated({ ...form, ...call.form }, call.assertion)),
      });
    });
  }

  /** The parameters of `CreateAuthorizationRequestSteps`, with PKCE of its own and rich authorization requests. */
  request(): Record<string, string> {
    this.verifier = random();
    return {
      ...this.always,
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      state: random(8),
      response_type: "code",
      code_challenge: s256(this.verifier),
      code_challenge_method: "S256",
      authorization_details: JSON.stringify([askForEmail(this.now())]),
    };
  }

  /** POST to the PAR endpoint; the suite sends a proof there only where the code is to be bound by it. */
  push(call: Call = {}, request = this.request()): Promise<Answer> {
    return this.#post("/oauth/par", request, { proof: null, ...call });
  }

  /** `BuildRequestObjectByReferenceRedirectToAuthorizationEndpoint` sends every parameter again; the one `WithoutDuplicates` these two. */
  visit(requestUri: string, parameters: Record<string, string> = {}): Promise<Answer> {
    const query = new URLSearchParams({ ...parameters, client_id: parameters.client_id ?? this.clientId, request_uri: requestUri });
    return send({ method: "GET", url: `${this.issuer}/oauth/authorize?${query}`, headers: { accept: "text/html" } });
  }

  redeem(code: string, call: Call = {}): Promise<Answer> {
    const form = { grant_type: "authorization_code", code, redirect_uri: this.redirectUri, code_verifier: this.verifier };
    return this.#post("/oauth/token", form, call);
  }

  /** Any form to the token endpoint. */
  token(form: Record<string, string>, call: Call = {}): Promise<Answer> {
    return this.#post("/oauth/token", form, call);
  }

  introspect(token: string, call: Call = {}): Promise<Answer> {
    return this.#post("/oauth/introspect", { token }, { proof: null, ...call });
  }

  revoke(token: string, call: Call = {}): Promise<Answer> {
    return this.#post("/oauth/revoke", { token }, { proof: null, ...call });
  }

  refresh(token: string, call: Call = {}): Promise<Answer> {
    return this.#post("/oauth/token", { grant_type: "refresh_token", refresh_token: token }, call);
  }

  recordsUrl(grant: string): string {
    return this.resource ?? `${this.issuer}/api/grants/${grant}/records`;
  }

  async read(token: string, grant: string, read: Read = {}): Promise<Answer> {
    const url = this.recordsUrl(grant);
    const of = { method: "GET", url, token, at: "resource", ...(read.dpop && { dpop: read.dpop }) } as const;
    return this.#twice("resource", async () => {
      const proof = read.proof === null ? undefined : await this.proof(of, read.proof);
      const carried = read.carry?.(proof ?? "", await this.proof(of)) ?? (proof === undefined ? {} : { dpop: proof });
      return send({
        method: "GET",
        url: read.inQuery ? `${url}?access_token=${token}` : url,
        headers: {
          accept: read.accept ?? "application/json",
          ...(read.scheme === "" ? {} : { authorization: `${read.scheme ?? "DPoP"} ${token}` }),
          ...carried,
        },
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.documents[Symbol.asyncDispose]();
  }
}
