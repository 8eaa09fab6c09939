import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { calculateJwkThumbprint, createLocalJWKSet, decodeJwt, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from "jose";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { hashOf } from "#protocol/canonical.ts";
import { NDJSON } from "#protocol/changes.ts";
import { CONSENT_TYP, type Consent, hashOfConsent, readConsent } from "#protocol/consent-token.ts";
import { type ErasureAttestation, verifyAttestation } from "#protocol/erasure-attestation.ts";
import { EVENT_TYPES, VERIFICATION } from "#protocol/events.ts";
import { ed25519Thumbprint } from "#protocol/jws.ts";
import { lastExpiry } from "#protocol/narrow.ts";
import { makeAgreementPair, makeSigningPair, type SigningPair } from "#protocol/sealing/pairs.ts";
import { type Content, grantKeyContext, hashOfGrantKey, sealShare } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { POLL, PUSH } from "#protocol/streams.ts";
import { publicKeys } from "../../vendor-sdk/make-keys.ts";
import { type Bulk, bulk } from "./bulk-lines.ts";
import { type Transmitter, transmitter } from "./transmitter.ts";

const detailsOf = (customer: Customer): AuthorizationDetails => readConsent(customer.token).authorization_details;

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/** The customer's side of one grant, with everything that its app would make. */
export interface Customer {
  readonly grant: string;
  readonly relationship: SigningPair;
  readonly grantKey: Uint8Array;
  /** The next consent; becomes the current one. */
  consent(details: AuthorizationDetails, change?: Partial<Consent>, by?: SigningPair): Promise<string>;
  token: string;
  sealedGrantKey: string;
  rows: { path: string; version: number; body: string; updated: string; position: number }[];
  /** Puts a value, or a removal, as the next version of its path unless told. */
  put(path: string, content: Content, version?: number): Promise<void>;
  state: "active" | "paused" | "revoked";
}

/** What the vendor attested of a grant. */
export interface Attestation {
  token: string;
  claims: ErasureAttestation;
}

export async function makeCustomer(vendor: { clientId: string; keys: readonly JWK[] }, details: AuthorizationDetails): Promise<Customer> {
  const encryption = publicKeys(vendor.keys).keys.find(({ use }) => use === "enc") as JWK;
  const relationship = await makeSigningPair();
  const inbox = await makeAgreementPair();
  const grantKey = random(32);
  const grant = newId();
  let n = 0;
  let position = 0;
  const customer: Customer = {
    grant,
    relationship,
    grantKey,
    token: "",
    sealedGrantKey: await sealTo(encryption, grantKey, grantKeyContext(grant, vendor.clientId)),
    rows: [],
    state: "active",
    async consent(granted, change = {}, by = relationship) {
      n++;
      const issuer = await ed25519Thumbprint(by.x);
      const consent: Consent = {
        iss: issuer,
        sub: issuer,
        aud: vendor.clientId,
        jti: newId(),
        grant_id: grant,
        n,
        prev: customer.token === "" ? null : await hashOfConsent(customer.token),
        iat: Math.floor(Date.now() / 1000),
        exp: lastExpiry(granted) / 1000,
        authorization_details: granted,
        cnf: { jkt: await calculateJwkThumbprint(encryption) },
        inbox: { kty: "OKP", crv: "X25519", x: inbox.x },
        grant_key: await hashOfGrantKey(grantKey),
        agreement: null,
        notice: { sha256: await hashOf("notice"), language: "en" },
        ...change,
      };
      customer.token = await sign(consent, CONSENT_TYP, by, true);
      return customer.token;
    },
    async put(path, content, version) {
      const before = customer.rows.find((row) => row.path === path);
      const place = { grant, path, version: version ?? (before?.version ?? 0) + 1 };
      const { body } = await sealShare(grantKey, place, content);
      customer.rows = [
        ...customer.rows.filter((row) => row !== before),
        { path, version: place.version, body, updated: new Date().toISOString(), position: ++position },
      ];
    },
  };
  await customer.consent(details);
  return customer;
}

export interface Reply {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** What arrived, for assertions on what the SDK sends. */
export interface Arrived {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  form: URLSearchParams;
  text: string;
}

export interface StandIn extends AsyncDisposable {
  readonly url: string;
  readonly arrived: Arrived[];
  readonly customers: Map<string, Customer>;
  /** Whom the next code is for. */
  next: Customer | undefined;
  pageSize: number;
  /** What it took, oldest first. */
  readonly attestations: Attestation[];
  /** Refresh tokens that the vendor revoked. */
  readonly revoked: string[];
  readonly events: Transmitter;
  /** The vendor's stream, if it has one. */
  stream: { configuration: Record<string, unknown>; status: string } | undefined;
  /** Events that wait to be polled, by `jti`. */
  readonly waiting: Map<string, string>;
  /** Whether proofs need a nonce. */
  nonces: boolean;
  /** What it says in bulk; undefined: it offers no bulk reads. */
  bulk: Bulk | undefined;
  /** Sends the text of a bulk read otherwise than whole: the answer is ended, or cut, where it returns. */
  send: ((text: string, response: ServerResponse, request: Arrived) => Promise<"ended" | "cut">) | undefined;
  /** Changes an answer before it leaves, by the last part of its path; undefined: no answer at all. */
  twist: Partial<
    Record<
      "metadata" | "par" | "token" | "records" | "grant" | "attest" | "ssf" | "jwks" | "poll" | "changes",
      (reply: Reply, request: Arrived) => Reply | undefined
    >
  >;
  /** Reads the vendor's key set anew, as it is now. */
  reloadKeys(): void;
  /** Offers bulk reads from now on. */
  offerBulk(): Bulk;
  /** A customer has come from another server, with the vendor's refresh token. */
  adopt(customer: Customer, refresh: string): void;
  /** The customer came back: the URL at redirect_uri. */
  cameBack(requestUrl: string, change?: Record<string, string>): string;
}

/**
 * A server over real HTTP that does what a test tells it to, lies included. It checks of the vendor what a real one would:
 * assertion, PKCE, proofs, nonces.
 */
export async function standIn(vendor: { clientId: string; keys: readonly JWK[] }): Promise<StandIn> {
  let served = publicKeys(vendor.keys);
  let jwks = createLocalJWKSet(served);
  const pushed = new Map<string, { state: string; challenge: string; redirect: string; jkt: string }>();
  const codes = new Map<string, { challenge: string; redirect: string; jkt: string; grant: string }>();
  const refreshes = new Map<string, { grant: string; jkt: string }>();
  const access = new Map<string, { grant: string; jkt: string }>();
  const assertions = new Set<string>();
  const own = new Map<string, { scope: string; jkt: string }>();
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const it: StandIn = {
    url,
    arrived: [],
    customers: new Map(),
    next: undefined,
    pageSize: 1000,
    attestations: [],
    revoked: [],
    events: await transmitter(url, vendor.clientId),
    stream: undefined,
    waiting: new Map(),
    nonces: false,
    bulk: undefined,
    send: undefined,
    twist: {},
    reloadKeys() {
      served = publicKeys(vendor.keys);
      jwks = createLocalJWKSet(served);
    },
    adopt(customer, refresh) {
      it.customers.set(customer.grant, customer);
      refreshes.set(refresh, { grant: customer.grant, jkt: "" });
    },
    offerBulk() {
      const offered = bulk(it.customers);
      it.bulk = offered;
      return offered;
    },
    cameBack(requestUrl, change = {}) {
      const to = new URL(requestUrl);
      const request = pushed.get(to.searchParams.get("request_uri") ?? "");
      if (request === undefined) throw new Error("no such request was pushed");
      const code = newId();
      if (it.next !== undefined) {
        it.customers.set(it.next.grant, it.next);
        codes.set(code, { ...request, grant: it.next.grant });
      }
      return `${request.redirect}?${new URLSearchParams({ code, state: request.state, iss: url, ...change })}`;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  const client = async (form: URLSearchParams): Promise<boolean> => {
    try {
      const { payload } = await jwtVerify(form.get("client_assertion") ?? "", jwks, {
        issuer: vendor.clientId,
        subject: vendor.clientId,
        algorithms: ["Ed25519", "ES256", "PS256"],
      });
      if (payload.aud !== url || payload.jti === undefined || assertions.has(payload.jti)) return false;
      assertions.add(payload.jti);
      return true;
    } catch {
      return false;
    }
  };

  const proofOf = async ({ method, path, headers }: Arrived, token?: string): Promise<{ jkt: string } | Reply> => {
    const proof = String(headers.dpop);
    const { jwk } = decodeProtectedHeader(proof);
    const { payload } = await jwtVerify(proof, await importJWK(jwk as JWK, "ES256"), { typ: "dpop+jwt", algorithms: ["ES256"] });
    const nonceFails = it.nonces && payload.nonce !== "nonce-1";
    if (nonceFails && token === undefined) return { status: 400, body: { error: "use_dpop_nonce" }, headers: { "dpop-nonce": "nonce-1" } };
    if (nonceFails)
      return { status: 401, body: {}, headers: { "dpop-nonce": "nonce-1", "www-authenticate": 'DPoP error="use_dpop_nonce"' } };
    if (payload.htm !== method || payload.htu !== url + path || (token !== undefined && payload.ath !== (await hashOf(token))))
      return { status: 401, body: { code: "invalid_token" } };
    return { jkt: await calculateJwkThumbprint(jwk as JWK) };
  };

  /** A refusal unless the request has a token of the vendor's own for this scope. */
  const ownToken = async (request: Arrived, scope: string): Promise<Reply | undefined> => {
    const token = (request.headers.authorization ?? "").replace(/^DPoP /, "");
    const proof = await proofOf(request, token);
    if (!("jkt" in proof)) return proof;
    const known = own.get(token);
    if (known?.jkt !== proof.jkt) return { status: 401, body: { code: "invalid_token" } };
    return known.scope === scope ? undefined : { status: 403, body: { code: "insufficient_scope" } };
  };

  const endpoints = {
    metadata: async (): Promise<Reply> => ({
      status: 200,
      body: {
        issuer: url,
        authorization_endpoint: `${url}/oauth/authorize`,
        token_endpoint: `${url}/oauth/token`,
        pushed_authorization_request_endpoint: `${url}/oauth/par`,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        revocation_endpoint: `${url}/oauth/revoke`,
      },
    }),
    ssf: async (): Promise<Reply> => ({
      status: 200,
      body: {
        spec_version: "1_0",
        issuer: url,
        jwks_uri: `${url}/jwks.json`,
        delivery_methods_supported: [PUSH, POLL],
        configuration_endpoint: `${url}/ssf/streams`,
        status_endpoint: `${url}/ssf/status`,
        verification_endpoint: `${url}/ssf/verify`,
      },
    }),
    jwks: async (): Promise<Reply> => ({ status: 200, body: it.events.jwks }),
    revoke: async (request: Arrived): Promise<Reply> => {
      if (!(await client(request.form))) return { status: 401, body: { error: "invalid_client" } };
      it.revoked.push(request.form.get("token") ?? "");
      return { status: 200, body: {} };
    },
    grant: async (request: Arrived): Promise<Reply> => {
      const released = request.method === "DELETE";
      const refusal = await ownToken(request, released ? "grant_management_revoke" : "grant_management_query");
      if (refusal !== undefined) return refusal;
      const customer = it.customers.get(request.path.split("/")[3] ?? "");
      if (customer === undefined) return { status: 404, body: { code: "not_found" } };
      if (released) {
        customer.state = "revoked";
        return { status: 204, body: undefined };
      }
      return {
        status: 200,
        body: {
          grant_id: customer.grant,
          state: customer.state,
          authorization_details: detailsOf(customer),
          consent: customer.token,
          delete_by: null,
          attested: null,
        },
      };
    },
    attest: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, "attest");
      if (refusal !== undefined) return refusal;
      const grant = request.path.split("/")[3] ?? "";
      const { attestation } = JSON.parse(request.text) as { attestation: string };
      if (!it.customers.has(grant)) return { status: 404, body: { code: "not_found" } };
      const { kid } = decodeProtectedHeader(attestation);
      const key = served.keys.find((each) => each.kid === kid) ?? {};
      const claims = await verifyAttestation(attestation, { key, issuer: vendor.clientId, audience: url, grant });
      if (!it.attestations.some((each) => each.claims.jti === claims.jti)) it.attestations.push({ token: attestation, claims });
      return { status: 201, body: { received: new Date().toISOString() } };
    },
    streams: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, request.method === "GET" ? "ssf.read" : "ssf.manage");
      if (refusal !== undefined) return refusal;
      if (request.method === "GET") return { status: 200, body: it.stream === undefined ? [] : [it.stream.configuration] };
      if (request.method === "DELETE") {
        it.stream = undefined;
        return { status: 204, body: undefined };
      }
      if (request.method === "POST" && it.stream !== undefined) return { status: 409, body: { code: "stream_exists" } };
      const { delivery, events_requested } = JSON.parse(request.text) as { delivery: Record<string, unknown>; events_requested: string[] };
      const configuration = {
        stream_id: "stream-1",
        iss: url,
        aud: vendor.clientId,
        delivery,
        events_supported: EVENT_TYPES,
        events_requested,
        events_delivered: events_requested,
        min_verification_interval: 0,
      };
      it.stream = { configuration, status: it.stream?.status ?? "enabled" };
      return { status: request.method === "POST" ? 201 : 200, body: configuration };
    },
    status: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, request.method === "GET" ? "ssf.read" : "ssf.manage");
      if (refusal !== undefined) return refusal;
      if (it.stream === undefined) return { status: 404, body: { code: "not_found" } };
      if (request.method === "POST") it.stream.status = (JSON.parse(request.text) as { status: string }).status;
      return { status: 200, body: { stream_id: "stream-1", status: it.stream.status } };
    },
    verify: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, "ssf.manage");
      if (refusal !== undefined) return refusal;
      const { stream_id, state } = JSON.parse(request.text) as { stream_id: string; state: string };
      const token = await it.events.event("grant-paused", newId(), {
        claims: { sub_id: { format: "opaque", id: stream_id } },
        events: { [VERIFICATION]: { state } },
      });
      const delivery = it.stream?.configuration.delivery as { method: string; endpoint_url?: string };
      if (delivery.method === POLL) it.waiting.set(String(decodeJwt(token).jti), token);
      else
        void fetch(delivery.endpoint_url ?? "", {
          method: "POST",
          headers: { "content-type": "application/secevent+jwt" },
          body: token,
        }).catch(() => undefined);
      return { status: 204, body: undefined };
    },
    poll: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, "ssf.read");
      if (refusal !== undefined) return refusal;
      const { ack = [], setErrs = {} } = JSON.parse(request.text) as { ack?: string[]; setErrs?: Record<string, unknown> };
      for (const jti of [...ack, ...Object.keys(setErrs)]) it.waiting.delete(jti);
      for (let waits = 0; waits < 50 && it.waiting.size === 0; waits++) await sleep(10);
      return { status: 200, body: { sets: Object.fromEntries(it.waiting) } };
    },
    changes: async (request: Arrived): Promise<Reply> => {
      const refusal = await ownToken(request, "changes");
      if (refusal !== undefined) return refusal;
      if (it.bulk === undefined) return { status: 404, body: { code: "not_found" } };
      const lines = it.bulk.lines(request.query.get("since") ?? undefined);
      if (lines === undefined) return { status: 410, body: { code: "cursor_expired" } };
      return { status: 200, body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""), headers: { "content-type": NDJSON } };
    },
    par: async ({ form }: Arrived): Promise<Reply> => {
      if (!(await client(form))) return { status: 401, body: { error: "invalid_client" } };
      const uri = `urn:ietf:params:oauth:request_uri:${newId()}`;
      pushed.set(uri, {
        state: form.get("state") ?? "",
        challenge: form.get("code_challenge") ?? "",
        redirect: form.get("redirect_uri") ?? "",
        jkt: form.get("dpop_jkt") ?? "",
      });
      return { status: 201, body: { request_uri: uri, expires_in: 300 } };
    },
    token: async (request: Arrived): Promise<Reply> => {
      const { form } = request;
      if (!(await client(form))) return { status: 401, body: { error: "invalid_client" } };
      const proof = await proofOf(request);
      if (!("jkt" in proof)) return proof;
      if (form.get("grant_type") === "client_credentials") {
        const token = newId();
        own.set(token, { scope: form.get("scope") ?? "", jkt: proof.jkt });
        return { status: 200, body: { access_token: token, token_type: "DPoP", expires_in: 300, scope: form.get("scope") } };
      }
      const code = codes.get(form.get("code") ?? "");
      codes.delete(form.get("code") ?? "");
      const fits =
        code !== undefined &&
        code.redirect === form.get("redirect_uri") &&
        code.challenge === (await hashOf(form.get("code_verifier") ?? "")) &&
        code.jkt === proof.jkt;
      const grant = fits ? code.grant : refreshes.get(form.get("refresh_token") ?? "")?.grant;
      const customer = it.customers.get(grant ?? "");
      if (customer === undefined || customer.state === "revoked") return { status: 400, body: { error: "invalid_grant" } };
      const [token, refresh] = [newId(), newId()];
      access.set(token, { grant: customer.grant, jkt: proof.jkt });
      refreshes.set(refresh, { grant: customer.grant, jkt: proof.jkt });
      return {
        status: 200,
        body: {
          access_token: token,
          token_type: "DPoP",
          expires_in: 300,
          refresh_token: refresh,
          grant_id: customer.grant,
          authorization_details: detailsOf(customer),
        },
      };
    },
    records: async (request: Arrived): Promise<Reply> => {
      const token = (request.headers.authorization ?? "").replace(/^DPoP /, "");
      const known = access.get(token);
      const proof = await proofOf(request, token);
      if (!("jkt" in proof)) return proof;
      const customer = it.customers.get(request.path.split("/")[3] ?? "");
      if (known?.jkt !== proof.jkt || customer?.grant !== known.grant) return { status: 401, body: { code: "invalid_token" } };
      if (customer.state === "revoked") return { status: 403, body: { code: "grant_ended" } };
      if (customer.state === "paused") return { status: 403, body: { code: "grant_paused" } };
      const since = Number(request.query.get("since") ?? 0);
      const rows = customer.rows.filter(({ position }) => position > since);
      const page = rows.slice(0, it.pageSize);
      return {
        status: 200,
        body: {
          consent: customer.token,
          grant_key: customer.sealedGrantKey,
          complete: true,
          records: page.map(({ position: _, ...row }) => row),
          cursor: String(page.at(-1)?.position ?? since),
          more: page.length < rows.length,
          receipt: { read: it.arrived.length, at: new Date().toISOString() },
        },
      };
    },
  };

  const nameOf = (path: string): keyof typeof endpoints | undefined => {
    if (path === "/.well-known/oauth-authorization-server") return "metadata";
    if (path === "/oauth/par") return "par";
    if (path === "/oauth/token") return "token";
    if (path === "/.well-known/ssf-configuration") return "ssf";
    if (path === "/jwks.json") return "jwks";
    if (path === "/oauth/revoke") return "revoke";
    if (path === "/api/changes") return "changes";
    if (path.startsWith("/oauth/grants/")) return "grant";
    if (path.endsWith("/attestations")) return "attest";
    const ssf = /^\/ssf\/(streams|status|verify|poll)\b/.exec(path)?.[1];
    if (ssf !== undefined) return ssf as "streams" | "status" | "verify" | "poll";
    return /^\/api\/grants\/[^/]+\/records$/.test(path) ? "records" : undefined;
  };

  async function sendLines(text: string, { status, headers }: Reply, request: Arrived, response: ServerResponse): Promise<void> {
    response.writeHead(status, headers);
    if (it.send === undefined) return void response.end(text);
    if ((await it.send(text, response, request)) === "ended") response.end();
    else {
      // What was written before is on its way.
      await sleep(20);
      response.destroy();
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const to = new URL(request.url ?? "/", url);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const arrived: Arrived = {
      method: request.method ?? "",
      path: to.pathname,
      query: to.searchParams,
      headers: request.headers,
      form: new URLSearchParams(text),
      text,
    };
    it.arrived.push(arrived);
    const name = nameOf(to.pathname);
    const honest: Reply =
      name === undefined
        ? { status: 404, body: { code: "not_found" } }
        : await endpoints[name](arrived).catch(() => ({ status: 500, body: {} }));
    const twist = name === undefined ? undefined : (it.twist as Record<string, (typeof it.twist)["token"]>)[name];
    const reply = twist === undefined ? honest : twist(honest, arrived);
    if (reply === undefined) {
      response.destroy();
      return;
    }
    if (typeof reply.body === "string") return sendLines(reply.body, reply, arrived, response);
    response
      .writeHead(reply.status, { "content-type": "application/json", ...reply.headers })
      .end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
  }
  return it;
}
