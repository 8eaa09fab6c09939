import * as v from "valibot";
import { AuthorizationDetails } from "../protocol/authorization-details.ts";
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
export type TokenReply = v.InferOutput<typeof TokenReply>;

/** The token endpoint (RFC 6749, 3.2), and the access tokens that still hold, in memory only. */
export interface Tokens {
  exchange(code: string, redirectUri: string, verifier: string): Promise<TokenReply>;
  refresh(grant: { id: string; refresh: string }, signal?: AbortSignal): Promise<TokenReply>;
  /** An access token for a grant: the one in memory, or a new one. */
  access(grant: { id: string; refresh: string | null }, signal?: AbortSignal): Promise<string>;
  forget(grantId: string): void;
}

/** Tokens are renewed this many milliseconds before they end. */
const EARLY = 20_000;

export function tokens(party: Party, discover: (signal?: AbortSignal) => Promise<Metadata>, proofs: Dpop): Tokens {
  const held = new Map<string, { token: string; until: number }>();

  const ask = async (parameters: Record<string, string>, repeatable: boolean, signal?: AbortSignal): Promise<Answer> => {
    const { token_endpoint: url } = await discover(signal);
    const send = () =>
      party.http({
        name: "token",
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
