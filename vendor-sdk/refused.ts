import * as v from "valibot";
import { REFUSALS } from "../protocol/refusal.ts";
import { CompactJws, Text } from "../protocol/shapes.ts";
import { CounterfoilError, type ErrorCode, MovedAway } from "./error.ts";
import { type Answer, retryAfter } from "./http.ts";

/** What stands in a refusal of a grant that has moved. */
const Word = v.object({ to: Text(300), statement: CompactJws });

/** The members that count of a problem (RFC 9457) and of an OAuth error (RFC 6749, 5.2). The server's own sentences are not repeated. */
const Refused = v.object({ code: v.optional(v.string()), error: v.optional(v.string()), state: v.optional(v.string()) });

const BY_REASON: Readonly<Record<string, ErrorCode>> = {
  access_denied: "access_denied",
  invalid_client: "unauthenticated",
  unauthorized_client: "unauthenticated",
  invalid_dpop_proof: "unauthenticated",
  invalid_token: "unauthenticated",
  unauthenticated: "unauthenticated",
  invalid_authorization_details: "purpose_mismatch",
  insufficient_scope: "scope_missing",
  outside_consent: "scope_missing",
  grant_ended: "grant_revoked",
  grant_paused: "grant_paused",
  frequency_exceeded: "rate_limited",
  rate_limited: "rate_limited",
  cursor_expired: "conflict",
  grant_moved: "conflict",
  invalid_scope: "scope_missing",
  temporarily_unavailable: "unavailable",
  server_error: "unavailable",
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "unauthenticated",
  403: "scope_missing",
  409: "conflict",
  410: "conflict",
  429: "rate_limited",
};

const OAUTH_ERROR = /^[a-z_]{1,60}$/;

/** The refusal code or OAuth error of an answer. A text that is neither is not repeated: it would end up in a log. */
export function reasonOf(answer: Pick<Answer, "body" | "headers">): string | undefined {
  const parsed = v.safeParse(Refused, answer.body);
  const { code, error } = parsed.success ? parsed.output : {};
  if (code !== undefined && Object.hasOwn(REFUSALS, code)) return code;
  if (error !== undefined && OAUTH_ERROR.test(error)) return error;
  return /\berror="([a-z_]{1,60})"/.exec(answer.headers.get("www-authenticate") ?? "")?.[1];
}

/** @param what which call, for the message */
export function refused(answer: Answer, what: string, now: number): CounterfoilError {
  const reason = reasonOf(answer);
  const facts = { status: answer.status, requestId: answer.requestId };
  const word = reason === "grant_moved" ? v.safeParse(Word, answer.body) : undefined;
  if (word?.success) return new MovedAway(word.output.to, word.output.statement, facts);
  const parsed = v.safeParse(Refused, answer.body);
  const ended = reason === "grant_ended" && parsed.success && parsed.output.state === "expired" ? "grant_expired" : undefined;
  // A server in trouble decides nothing about a grant, whatever its answer says.
  const code = answer.status >= 500 ? "unavailable" : (ended ?? BY_REASON[reason ?? ""] ?? BY_STATUS[answer.status] ?? "invalid");
  return new CounterfoilError(code, `${what} was refused (${answer.status}${reason === undefined ? "" : `, ${reason}`})`, {
    ...facts,
    reason,
    retryAfterMs: retryAfter(answer.headers, now),
  });
}
