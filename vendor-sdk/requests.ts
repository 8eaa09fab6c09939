import * as v from "valibot";
import { AuthorizationDetails } from "../protocol/authorization-details.ts";
import { hashOf } from "../protocol/canonical.ts";
import { widening } from "../protocol/narrow.ts";
import { clientAssertion } from "./client-assertion.ts";
import type { Dpop } from "./dpop.ts";
import { CounterfoilError } from "./error.ts";
import { type Grant, grantOf } from "./grant.ts";
import type { Servers } from "./issuers.ts";
import type { Party } from "./party.ts";
import { newToken } from "./random.ts";
import { refused } from "./refused.ts";
import { freshGrant, type StoredGrant } from "./state.ts";

/** What to ask a customer for, and where they come back to. */
export interface AccessRequest {
  /** What is asked, one object for each purpose: see {@link ask}. */
  authorization_details: AuthorizationDetails;
  /** Exactly one of the client metadata's `redirect_uris`. */
  redirect_uri: string;
  /**
   * Asks to take the place of what this grant gives now (Grant Management, `replace`): the customer sees what would change, and the grant
   * goes on unless they approve. Ask for all of it, not for what is new alone.
   */
  replaces?: string;
}

/** A request that waits for its customer. */
export interface PushedRequest {
  /** Keep it in the customer's session (a cookie) and give it to `exchange`: so nobody can end up in another's session. */
  id: string;
  /** Send the customer there, as a redirect (303). Its fragment names your encryption key to the customer's app. */
  url: string;
  /** RFC 3339. The customer must have come to the page before. */
  expiresAt: string;
}

/** Asking a customer, and taking their return. */
export interface Requests {
  /**
   * Pushes a request (RFC 9126) with private_key_jwt, a fresh PKCE verifier and state.
   * @throws {TypeError} on authorization_details of an unknown shape, or `replaces` of a grant that isn't there or has ended
   * @throws {CounterfoilError} `access_denied` this customer said no less than 30 days ago (`replaces`); `purpose_mismatch`, `unauthenticated`, `unavailable`, `integrity` (another issuer's metadata)
   */
  create(request: AccessRequest, options?: { signal?: AbortSignal }): Promise<PushedRequest>;
  /**
   * Takes the customer's return: state, `iss` (RFC 9207), code for tokens. A request is used up by it.
   * @param callback the whole URL that was requested at redirect_uri
   * @param expected `id`: that of the request made in this customer's session
   * @throws {CounterfoilError} `access_denied` the customer said no; `invalid` unknown or used state; `integrity` another issuer, or
   * more granted than was asked
   */
  exchange(callback: string | URL, expected?: { id?: string | undefined }): Promise<Grant>;
}

/** How long a customer may take: the request page, sign-up and kit included. */
const PATIENCE = 3_600_000;

const Pushed = v.object({ request_uri: v.pipe(v.string(), v.minLength(1)), expires_in: v.pipe(v.number(), v.minValue(1)) });

export function requests(servers: Servers, proofs: Dpop): Requests {
  const { party: own } = servers.home;
  return {
    async create({ authorization_details, redirect_uri, replaces = null }, { signal } = {}) {
      const asked = v.safeParse(AuthorizationDetails, authorization_details);
      if (!asked.success)
        throw new TypeError(`authorization_details: ${asked.issues[0].message} at ${v.getDotPath(asked.issues[0]) ?? "the top"}`);
      // Before it leaves: the customer may approve, and a sync read it, before anybody has come back.
      const { party, discover } = replaces === null ? servers.home : servers.at(await offer(own, replaces, asked.output));
      const metadata = await discover(signal);
      const state = newToken();
      const verifier = newToken();
      const url = metadata.pushed_authorization_request_endpoint;
      const answer = await party.http({
        name: "par",
        method: "POST",
        url,
        // A request that is pushed twice is one that nobody opens.
        repeatable: true,
        signal,
        prepare: async () => ({
          headers: {},
          body: new URLSearchParams({
            response_type: "code",
            redirect_uri,
            state,
            code_challenge: await hashOf(verifier),
            code_challenge_method: "S256",
            authorization_details: JSON.stringify(asked.output),
            ...(replaces === null ? {} : { grant_management_action: "replace", grant_id: replaces }),
            dpop_jkt: await proofs.thumbprint(),
            ...(await clientAssertion(party)),
          }),
        }),
      });
      if (answer.status !== 201) throw refused(answer, "the request", party.now());
      const pushed = v.safeParse(Pushed, answer.body);
      if (!pushed.success)
        throw new CounterfoilError("invalid", "the answer to the request has an unknown shape", {
          status: answer.status,
          reason: "par_shape",
        });
      const now = party.now();
      await party.book.dropRequestsBefore(now);
      const expires = now + PATIENCE;
      const { server } = party;
      await party.book.saveRequest(state, { verifier, redirectUri: redirect_uri, asked: asked.output, expires, replaces, server });
      const to = new URL(metadata.authorization_endpoint);
      to.searchParams.set("client_id", party.clientId);
      to.searchParams.set("request_uri", pushed.output.request_uri);
      to.hash = `enc=${await party.keys.current}`;
      return { id: state, url: to.href, expiresAt: new Date(now + pushed.output.expires_in * 1000).toISOString() };
    },

    async exchange(callback, expected = {}) {
      const { book, now } = own;
      const query = new URL(callback, own.clientId).searchParams;
      if (["state", "iss", "code", "error"].some((name) => query.getAll(name).length > 1))
        throw new CounterfoilError("invalid", "a parameter came twice", { reason: "repeated" });
      const state = query.get("state") ?? "";
      const request = /^[A-Za-z0-9_-]{43}$/.test(state) ? await book.request(state) : undefined;
      if (request === undefined || request.expires < now())
        throw new CounterfoilError("invalid", "no request waits for this return", { reason: "state" });
      if ("id" in expected && expected.id !== state)
        throw new CounterfoilError("invalid", "this return is of another customer's session", { reason: "session" });
      const { party, tokens } = servers.at(request);
      if (query.get("iss") !== party.server)
        throw new CounterfoilError("integrity", "the return is another issuer's", { reason: "issuer" });
      await party.book.dropRequest(state);
      const error = query.get("error");
      if (error === "access_denied") throw new CounterfoilError("access_denied", "the customer said no", { reason: "access_denied" });
      if (error !== null)
        throw new CounterfoilError("invalid", "the server ended the request", { reason: /^[a-z_]{1,60}$/.test(error) ? error : "error" });
      const code = query.get("code");
      if (code === null || code === "") throw new CounterfoilError("invalid", "the return has no code", { reason: "code" });
      const reply = await tokens.exchange(code, request.redirectUri, request.verifier);
      if (request.replaces !== null && request.replaces !== reply.grant_id) {
        tokens.forget(reply.grant_id);
        throw new CounterfoilError("integrity", "the token is not of the grant that was to be replaced", { reason: "grant" });
      }
      const wider = widening(reply.authorization_details, request.asked);
      if (wider !== undefined) {
        tokens.forget(reply.grant_id);
        throw new CounterfoilError("integrity", "the token grants more than was asked", { reason: "wider" });
      }
      return party.book.locks.run(reply.grant_id, async () => {
        const before = await party.book.grant(reply.grant_id);
        const grant: StoredGrant = {
          ...(before ?? freshGrant(reply.grant_id, party.now())),
          asked: request.asked,
          // The consent decides as soon as there is one: what the next one takes away shows against the last one.
          details: before?.consent ? before.details : reply.authorization_details,
          refresh: reply.refresh_token ?? before?.refresh ?? null,
        };
        await party.book.saveGrant(grant);
        return grantOf(grant, party.now());
      });
    },
  };
}

/** Offers of one grant that are remembered: whoever asks more often has lost the first ones. */
const OFFERS = 5;

const offer = (party: Party, id: string, asked: AuthorizationDetails): Promise<StoredGrant> =>
  party.book.locks.run(id, async () => {
    const grant = await party.book.grant(id);
    if (grant === undefined || grant.ended !== null) throw new TypeError("replaces: expected a grant of this state that has not ended");
    const offered = { ...grant, offers: [...grant.offers, asked].slice(-OFFERS) };
    await party.book.saveGrant(offered);
    return offered;
  });
