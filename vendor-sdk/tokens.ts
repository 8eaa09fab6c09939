import * as v from "valibot";
import { AuthorizationDetails } from "../protocol/authorization-details.ts";
import type { Scope } from "../protocol/scopes.ts";
import { Id } from "../protocol/shapes.ts";
import { clientAssertion } from "./client-assertion.ts";
import type { Metadata } from "./discovery.ts";
import type { Dpop } from "./dpop.ts";
import { CounterfoilError } from "./error.ts";
import type { Answer } from "./http.ts";
import type { Party } from "./party.ts";
import { reasonOf, refused } from "./refused.ts";

const TokenReply = v.object({
  access_token: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._~+/-]+=*$/), v.maxLength(20_000)),
  token_type: v.pipe(v.string(), v.regex(/^dpop$/i)),
  expires_in: v.pipe(v.number(), v.minValue(1)),
  refresh_token: v.optional(v.string()),
  grant_id: Id,
  authorization_details: AuthorizationDetails,
});
/** RFC 6749, 4.4.3: the vendor's own, of no grant. */
const OwnReply = v.object(v.pick(TokenReply, ["access_token", "token_type", "expires_in"]).entries);
export type TokenReply = v.InferOutput<typeof TokenReply>;

/** The token endpoint (RFC 6749, 3.2), and the access tokens that still hold, in memory only. */
export interface Tokens {
  exchange(code: string, redirectUri: string, verifier: string): Promise<TokenReply>;
  refresh(grant: { id: string; refresh: string }, signal?: AbortSignal): Promise<TokenReply>;
  /** An access token for a grant: the one in memory, or a new one. */
  access(grant: { id: string; refresh: string | null }, signal?: AbortSignal): Promise<string>;
  forget(grantId: string): void;
  /** A token of the vendor itself (client_credentials), good for one scope: the one in memory, or a new one. */
  own(scope: Scope): Promise<string>;
  forgetOwn(scope: Scope): void;
  /** Makes a refresh token worthless, and the access tokens made of it (RFC 7009). Nothing where the server offers no such endpoint. */
  revoke(refresh: string, signal?: AbortSignal): Promise<void>;
}

/** Tokens are renewed this many milliseconds before they end. */
const EARLY = 20_000;

export function tokens(party: Party, discover: (signal?: AbortSignal) => Promise<Metadata>, proofs: Dpop): Tokens {
  const held = new Map<string, { token: string; until: number }>();
  const owned = new Map<Scope, { token: Promise<string>; until: number }>();

  const ask = async (parameters: Record<string, string>, repeatable: boolean, signal?: AbortSignal, at?: string): Promise<Answer> => {
    const url = at ?? (await discover(signal)).token_endpoint;
    const send = () =>
      party.http({
        name: at === undefined ? "token" : "revoke",
        method: "POST",
        url,
        repeatable,
        signal,
        prepare: async () => ({
          headers: { dpop: await proofs.proof("POST", url) },
          body: new URLSearchParams({ ...parameters, ...(await clientAssertion(party)) }),
        }),
      });
    return withNonce(send, url, proofs);
  };

  const accept = (answer: Answer): TokenReply => {
    const parsed = v.safeParse(TokenReply, answer.body);
    if (!parsed.success)
      throw new CounterfoilError("invalid", "the token answer has an unknown shape", { status: answer.status, reason: "token_shape" });
    const { grant_id, access_token, expires_in } = parsed.output;
    held.set(grant_id, { token: access_token, until: party.now() + expires_in * 1000 - EARLY });
    return parsed.output;
  };

  const refresh: Tokens["refresh"] = async (grant, signal) => {
    const answer = await ask({ grant_type: "refresh_token", refresh_token: grant.refresh }, true, signal);
    if (answer.status !== 200) {
      held.delete(grant.id);
      // RFC 6749, 5.2: the refresh token is invalid, expired or revoked; ours live exactly as long as their grant.
      if (answer.status === 400 && reasonOf(answer) === "invalid_grant")
        throw new CounterfoilError("grant_revoked", "the server says that this grant has ended", {
          status: answer.status,
          requestId: answer.requestId,
          reason: "invalid_grant",
        });
      throw refused(answer, "the token", party.now());
    }
    const reply = accept(answer);
    if (reply.grant_id !== grant.id) {
      held.delete(reply.grant_id);
      throw new CounterfoilError("integrity", "the token is of another grant", { reason: "grant" });
    }
    return reply;
  };

  const fetchOwn = async (scope: Scope): Promise<string> => {
    const answer = await ask({ grant_type: "client_credentials", scope }, true);
    // A page that isn't there says nothing of what this vendor may.
    if (answer.status === 404 || answer.status === 405)
      throw new CounterfoilError("unavailable", "the token endpoint is not where the metadata say", { reason: "token_endpoint" });
    if (answer.status !== 200) throw refused(answer, "the vendor's own token", party.now());
    const parsed = v.safeParse(OwnReply, answer.body);
    if (!parsed.success)
      throw new CounterfoilError("invalid", "the token answer has an unknown shape", { status: answer.status, reason: "token_shape" });
    const kept = owned.get(scope);
    if (kept !== undefined) kept.until = party.now() + parsed.output.expires_in * 1000 - EARLY;
    return parsed.output.access_token;
  };

  return {
    async exchange(code, redirectUri, verifier) {
      const answer = await ask({ grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier }, false);
      if (answer.status !== 200) throw refused(answer, "the code", party.now());
      return accept(answer);
    },
    refresh,
    async access(grant, signal) {
      const known = held.get(grant.id);
      if (known !== undefined && party.now() < known.until) return known.token;
      if (grant.refresh === null)
        throw new CounterfoilError("unauthenticated", "no refresh token is kept for this grant", { reason: "no_refresh_token" });
      return (await refresh({ id: grant.id, refresh: grant.refresh }, signal)).access_token;
    },
    forget: (grantId) => void held.delete(grantId),
    own(scope) {
      const known = owned.get(scope);
      if (known !== undefined && party.now() < known.until) return known.token;
      const next = { token: fetchOwn(scope), until: Number.POSITIVE_INFINITY };
      owned.set(scope, next);
      next.token.catch(() => owned.get(scope) === next && owned.delete(scope));
      return next.token;
    },
    forgetOwn: (scope) => void owned.delete(scope),
    async revoke(refresh, signal) {
      const { revocation_endpoint: url } = await discover(signal);
      if (url === undefined) return;
      const answer = await ask({ token: refresh, token_type_hint: "refresh_token" }, true, signal, url);
      if (answer.status !== 200) throw refused(answer, "the revocation of a token", party.now());
    },
  };
}

/** Sends; where the server asks for a nonce in the proof (RFC 9449, 8 and 9), once more with it. */
export async function withNonce(send: () => Promise<Answer>, url: string, proofs: Dpop): Promise<Answer> {
  const answer = await send();
  proofs.remember(url, answer.headers);
  if ((answer.status !== 400 && answer.status !== 401) || reasonOf(answer) !== "use_dpop_nonce" || !answer.headers.has("dpop-nonce"))
    return answer;
  const second = await send();
  proofs.remember(url, second.headers);
  return second;
}
