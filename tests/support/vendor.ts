import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import * as v from "valibot";
import { API, type ReplyOf } from "#protocol/api.ts";
import { type AuthorizationDetail, type AuthorizationDetails, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { thumbprint } from "#protocol/jws.ts";
import type { Problem } from "#protocol/refusal.ts";
import { type Content, grantKeyContext, openShare } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { Refused } from "./api-client.ts";

export interface TokenReply {
  access_token: string;
  token_type: string;
  expires_in: number;
  refresh_token: string;
  grant_id: string;
  authorization_details: AuthorizationDetails;
}

/** An answer in OAuth's form. */
export interface OAuthAnswer<Body> {
  status: number;
  body: Body & { error?: string; error_description?: string; pointer?: string };
}

type Claims = Record<string, unknown>;

const random = (): string => randomBytes(32).toString("base64url");
const s256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** A vendor that serves its metadata on this machine and calls the server by itself, without the SDK. */
export class TestVendor implements AsyncDisposable {
  readonly origin: string;
  readonly issuer: string;
  readonly now: () => number;
  /** What its two documents say; a test may change them. */
  readonly documents: { metadata: Record<string, unknown>; jwks: { keys: JWK[] } };
  readonly encryption: JWK;
  dpop: { key: CryptoKey; jwk: JWK };
  readonly verifier = random();
  readonly #signing: { key: CryptoKey; kid: string };
  readonly #server: Server;

  private constructor(parts: {
    origin: string;
    issuer: string;
    now: () => number;
    server: Server;
    documents: TestVendor["documents"];
    encryption: JWK;
    dpop: TestVendor["dpop"];
    signing: { key: CryptoKey; kid: string };
  }) {
    this.origin = parts.origin;
    this.issuer = parts.issuer;
    this.now = parts.now;
    this.documents = parts.documents;
    this.encryption = parts.encryption;
    this.dpop = parts.dpop;
    this.#server = parts.server;
    this.#signing = parts.signing;
  }

  static async start(issuer: string, now: () => number): Promise<TestVendor> {
    const signing = await generateKeyPair("ES256", { extractable: true });
    const encryption = await generateKeyPair("ECDH-ES+A256KW", { crv: "X25519", extractable: true });
    const documents: TestVendor["documents"] = { metadata: {}, jwks: { keys: [] } };
    const server = createServer((request, response) => {
      const document = request.url === "/client.json" ? documents.metadata : request.url === "/jwks.json" ? documents.jwks : undefined;
      response.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(document ?? {}));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    documents.metadata = {
      client_id: `${origin}/client.json`,
      client_name: "Libreria Aldina",
      legal_name: "Libreria Aldina s.r.l.",
      country: "IT",
      dpo_contact: "privacy@aldina.example",
      redirect_uris: [`${origin}/back`],
      jwks_uri: `${origin}/jwks.json`,
      token_endpoint_auth_method: "private_key_jwt",
    };
    documents.jwks = {
      keys: [
        { ...(await exportJWK(signing.publicKey)), kid: "s1", use: "sig", alg: "ES256" },
        { ...(await exportJWK(encryption.publicKey)), kid: "e1", use: "enc" },
      ],
    };
    return new TestVendor({
      origin,
      issuer,
      now,
      server,
      documents,
      encryption: await exportJWK(encryption.privateKey),
      dpop: await makeDpopKey(),
      signing: { key: signing.privateKey, kid: "s1" },
    });
  }

  get clientId(): string {
    return `${this.origin}/client.json`;
  }

  get redirectUri(): string {
    return `${this.origin}/back`;
  }

  /** One purpose, asked of a customer. */
  ask(change: Partial<AuthorizationDetail> = {}): AuthorizationDetail {
    return {
      type: CONSENT_TYPE,
      actions: ["read"],
      paths: ["profile/name", "profile/emails", "profile/addresses:town"],
      purpose: "https://w3id.org/dpv#CustomerRelationshipManagement",
      necessity: "optional",
      legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a",
      explanation: { en: "To write to you about your orders." },
      retention: "P30D",
      // Whole seconds: the consent's exp is the same moment.
      expires: `${new Date(this.now() + 90 * 86_400_000).toISOString().slice(0, 19)}Z`,
      frequency: { max: 60, per: "PT1H" },
      if_refused: "nothing",
      ...change,
    };
  }

  async clientAssertion(change: Claims = {}): Promise<string> {
    const now = Math.floor(this.now() / 1000);
    return new SignJWT({ iss: this.clientId, sub: this.clientId, aud: this.issuer, iat: now, exp: now + 60, jti: random(), ...change })
      .setProtectedHeader({ alg: "ES256", kid: this.#signing.kid })
      .sign(this.#signing.key);
  }

  async form<Body>(
    path: string,
    parameters: Record<string, string>,
    { assertion, headers = {} }: { assertion?: string; headers?: Record<string, string> } = {},
  ): Promise<OAuthAnswer<Body>> {
    const response = await fetch(this.issuer + path, {
      method: "POST",
      redirect: "manual",
      headers,
      body: new URLSearchParams({
        client_id: this.clientId,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: assertion ?? (await this.clientAssertion()),
        ...parameters,
      }),
    });
    this.#remember(response);
    return { status: response.status, body: (await response.json()) as OAuthAnswer<Body>["body"] };
  }

  async parParameters(details: readonly unknown[] = [this.ask()]): Promise<Record<string, string>> {
    return {
      response_type: "code",
      redirect_uri: this.redirectUri,
      code_challenge: s256(this.verifier),
      code_challenge_method: "S256",
      state: "the-state",
      authorization_details: JSON.stringify(details),
      dpop_jkt: await thumbprint(this.dpop.jwk),
    };
  }

  async par(
    details?: readonly unknown[],
    change: Record<string, string> = {},
  ): Promise<OAuthAnswer<{ request_uri: string; expires_in: number }>> {
    return this.form("/oauth/par", { ...(await this.parParameters(details)), ...change });
  }

  authorize(requestUri: string): Promise<Response> {
    return fetch(`${this.issuer}/oauth/authorize?${new URLSearchParams({ client_id: this.clientId, request_uri: requestUri })}`, {
      redirect: "manual",
    });
  }

  /** A pushed request whose customer has come: its id. */
  async request(details?: readonly AuthorizationDetail[]): Promise<string> {
    const { status, body } = await this.par(details);
    if (status !== 201) throw new Error(`par: ${body.error} ${body.error_description}`);
    const arrival = await this.authorize(body.request_uri);
    return (arrival.headers.get("location") ?? "").replace("/ask/", "");
  }

  /** The nonce that a server which has just started asks for in proofs. */
  #nonce: string | undefined;

  #remember(response: Response): boolean {
    const nonce = response.headers.get("dpop-nonce");
    this.#nonce = nonce ?? this.#nonce;
    return nonce !== null;
  }

  async proof(method: string, url: string, token?: string, change: Claims = {}): Promise<string> {
    return new SignJWT({
      htm: method,
      htu: url,
      iat: Math.floor(this.now() / 1000),
      jti: random(),
      ...(this.#nonce === undefined ? {} : { nonce: this.#nonce }),
      ...(token === undefined ? {} : { ath: s256(token) }),
      ...change,
    })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: this.dpop.jwk })
      .sign(this.dpop.key);
  }

  async token(
    parameters: Record<string, string>,
    { assertion, proof }: { assertion?: string; proof?: string } = {},
  ): Promise<OAuthAnswer<TokenReply>> {
    const send = async () => {
      const dpop = proof ?? (await this.proof("POST", `${this.issuer}/oauth/token`));
      return this.form<TokenReply>("/oauth/token", parameters, { headers: { dpop }, ...(assertion === undefined ? {} : { assertion }) });
    };
    const answer = await send();
    return answer.body.error === "use_dpop_nonce" && proof === undefined && assertion === undefined ? send() : answer;
  }

  /** @param redirect where the customer's browser was sent back to */
  redeem(redirect: string, change: Record<string, string> = {}): Promise<OAuthAnswer<TokenReply>> {
    const code = new URL(redirect).searchParams.get("code") ?? "";
    return this.token({ grant_type: "authorization_code", code, redirect_uri: this.redirectUri, code_verifier: this.verifier, ...change });
  }

  recordsUrl(grant: string): string {
    return `${this.issuer}/api/grants/${grant}/records`;
  }

  async pullRaw(
    token: string,
    grant: string,
    { since, proof, headers = {} }: { since?: string; proof?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const url = this.recordsUrl(grant);
    const send = async () => {
      const dpop = proof ?? (await this.proof("GET", url, token));
      return fetch(since === undefined ? url : `${url}?since=${since}`, { headers: { authorization: `DPoP ${token}`, dpop, ...headers } });
    };
    const answer = await send();
    return this.#remember(answer) && proof === undefined ? send() : answer;
  }

  async pull(token: string, grant: string, since?: string): Promise<ReplyOf<"records">> {
    const response = await this.pullRaw(token, grant, since === undefined ? {} : { since });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Refused(answer as Problem, response);
    return v.parse(API.records.reply, answer);
  }

  /** The values of a page. */
  async open(grant: string, page: ReplyOf<"records">): Promise<Record<string, Content>> {
    const key = await openSealed(this.encryption, page.grant_key, grantKeyContext(grant, this.clientId));
    const opened = await Promise.all(
      page.records.map(async ({ path, version, body }) => [path, await openShare(key, { grant, path, version, body })] as const),
    );
    return Object.fromEntries(opened);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export async function makeDpopKey(): Promise<{ key: CryptoKey; jwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { key: privateKey, jwk: await exportJWK(publicKey) };
}
