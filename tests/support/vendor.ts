import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import * as v from "valibot";
import type { Endpoint } from "#protocol/api.ts";
import { type AuthorizationDetail, type AuthorizationDetails, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { canonical } from "#protocol/canonical.ts";
import { ATTESTATION_TYP, type ErasureAttestation } from "#protocol/erasure-attestation.ts";
import { EVENT_BASE, EVENT_TYPES, type EventName, type EventToken } from "#protocol/events.ts";
import { thumbprint } from "#protocol/jws.ts";
import type { Problem } from "#protocol/refusal.ts";
import type { Scope } from "#protocol/scopes.ts";
import { type Content, grantKeyContext, openShare } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import { POLL } from "#protocol/streams.ts";
import { type GrantStatus, type Pull, VENDOR_API, type VendorApiName } from "#protocol/vendor-api.ts";
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

interface Call {
  readonly id?: string;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  /** Its own, unless told. */
  readonly token?: string;
}

/** A vendor that serves its metadata on this machine and calls the server by itself, without the SDK. */
export class TestVendor implements AsyncDisposable {
  readonly origin: string;
  issuer: string;
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
      const document = /^\/client\.json|^\/other\.json/.test(request.url ?? "")
        ? documents.metadata
        : request.url === "/jwks.json"
          ? documents.jwks
          : undefined;
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

  /** Where its metadata lie; what they say there is a test's own to set. */
  path = "/client.json";

  get clientId(): string {
    return this.origin + this.path;
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
  async request(details?: readonly AuthorizationDetail[], change: Record<string, string> = {}): Promise<string> {
    const { status, body } = await this.par(details, change);
    if (status !== 201) throw new Error(`par: ${body.error} ${body.error_description}`);
    const arrival = await this.authorize(body.request_uri);
    return (arrival.headers.get("location") ?? "").replace("/ask/", "");
  }

  /** A pushed request that would amend a grant, whose customer has come: its id. */
  amend(grant: string, details: readonly AuthorizationDetail[]): Promise<string> {
    return this.request(details, { grant_management_action: "replace", grant_id: grant });
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

  /** From now on it talks to another server, which has given it nothing yet. */
  goTo(issuer: string): void {
    this.issuer = issuer;
    this.#nonce = undefined;
    this.#own.clear();
  }

  readonly #own = new Map<string, { token: string; until: number }>();

  /** The next calls get new ones. */
  forgetOwnTokens(): void {
    this.#own.clear();
  }

  /** A token of the vendor's own (client_credentials) for these scopes, got again when it is about to end. */
  async ownToken(...scopes: Scope[]): Promise<string> {
    const scope = scopes.join(" ");
    const known = this.#own.get(scope);
    if (known !== undefined && this.now() < known.until) return known.token;
    const { status, body } = await this.token({ grant_type: "client_credentials", scope });
    if (status !== 200) throw new Error(`token: ${body.error} ${body.error_description}`);
    this.#own.set(scope, { token: body.access_token, until: this.now() + (body.expires_in - 10) * 1000 });
    return body.access_token;
  }

  /** Calls an endpoint for vendors with a token of the vendor's own, unless `token` is another. */
  async callRaw(
    name: Exclude<VendorApiName, "records">,
    { id = "", query, body, token, encoding }: Call & { encoding?: "gzip" | "identity" } = {},
  ): Promise<Response> {
    const row: Endpoint = VENDOR_API[name];
    const url = this.issuer + row.path.replace("{id}", id);
    const access = token ?? (await this.ownToken(...(row.scope === undefined ? [] : [row.scope])));
    const send = async (): Promise<Response> =>
      fetch(query === undefined ? url : `${url}?${new URLSearchParams(query)}`, {
        method: row.method,
        headers: {
          authorization: `DPoP ${access}`,
          dpop: await this.proof(row.method, url, access),
          ...(encoding === undefined ? {} : { "accept-encoding": encoding }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const answer = await send();
    return this.#remember(answer) && answer.status === 401 ? send() : answer;
  }

  /** The same, with the reply in the shape of the table. */
  async call<N extends Exclude<VendorApiName, "records">>(
    name: N,
    options: Call = {},
  ): Promise<v.InferOutput<(typeof VENDOR_API)[N]["reply"]>> {
    const response = await this.callRaw(name, options);
    const text = await response.text();
    if (!response.ok) throw new Refused(JSON.parse(text) as Problem, response);
    return v.parse(VENDOR_API[name].reply as v.GenericSchema, text === "" ? {} : JSON.parse(text)) as v.InferOutput<
      (typeof VENDOR_API)[N]["reply"]
    >;
  }

  #stream = "";

  /** Makes a stream that is polled, for every event about a grant unless told. */
  async listen(types: readonly string[] = EVENT_TYPES): Promise<void> {
    const { stream_id } = await this.call("createStream", { body: { delivery: { method: POLL }, events_requested: types } });
    this.#stream = stream_id;
  }

  /** What it has not heard yet, oldest first, unverified; acknowledges all of it. */
  async heard(): Promise<Array<{ event: EventName; payload: Record<string, unknown>; subject: EventToken["sub_id"] }>> {
    const heard: EventToken[] = [];
    for (let ack: string[] = [], more = true; more || ack.length > 0; ) {
      const page = await this.call("poll", { id: this.#stream, body: { ack, returnImmediately: true, maxEvents: 100 } });
      ack = Object.keys(page.sets);
      more = page.moreAvailable === true;
      for (const token of Object.values(page.sets))
        heard.push(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as EventToken);
    }
    return heard.map(({ events, sub_id }) => {
      const [type = "", payload = {}] = Object.entries(events)[0] ?? [];
      return { event: type.replace(EVENT_BASE, "") as EventName, payload, subject: sub_id };
    });
  }

  query(grant: string): Promise<GrantStatus> {
    return this.call("grant", { id: grant });
  }

  async release(grant: string): Promise<void> {
    await this.call("release", { id: grant });
  }

  /** Its signed word that it has deleted. `header`, `key`: what a wrong one says. */
  async attestation(
    grant: string,
    change: Partial<ErasureAttestation> = {},
    { header = {}, key = this.#signing.key }: { header?: Record<string, unknown>; key?: CryptoKey } = {},
  ): Promise<string> {
    const claims: ErasureAttestation = {
      iss: this.clientId,
      aud: this.issuer,
      jti: random(),
      iat: Math.floor(this.now() / 1000),
      grant_id: grant,
      n: 1,
      reason: "revoked",
      at: new Date(this.now()).toISOString(),
      did: ["Deleted the row of this customer"],
      remains: [],
      ...change,
    };
    const parameters = { alg: "ES256", kid: this.#signing.kid, typ: ATTESTATION_TYP, ...header };
    const text = (value: object): string => Buffer.from(canonical(value)).toString("base64url");
    // By hand, since the whole must be canonical, also where it is wrong.
    const jws = await new CompactSign(Buffer.from(canonical(claims)))
      .setProtectedHeader(JSON.parse(canonical(parameters)) as { alg: string })
      .sign(key);
    return jws.startsWith(text(parameters)) ? jws : Promise.reject(new Error("the header is not canonical"));
  }

  /** Posts it. */
  async attest(grant: string, change: Partial<ErasureAttestation> = {}): Promise<{ received: string }> {
    return this.call("attest", { id: grant, body: { attestation: await this.attestation(grant, change) } });
  }

  /** Adds a signing key of this algorithm to the vendor's key set. */
  async addKey(alg: "Ed25519" | "ES256" | "PS256", kid: string): Promise<CryptoKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.documents.jwks.keys.push({ ...(await exportJWK(publicKey)), kid, use: "sig", alg });
    return privateKey;
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

  async pull(token: string, grant: string, since?: string): Promise<Pull> {
    const response = await this.pullRaw(token, grant, since === undefined ? {} : { since });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Refused(answer as Problem, response);
    return v.parse(VENDOR_API.records.reply, answer);
  }

  /** The values of a page. */
  async open(grant: string, page: Pull): Promise<Record<string, Content>> {
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
