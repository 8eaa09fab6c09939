/** Why the SDK refused or failed; closed, so that a `switch` over it can be complete. The README's table says what to do about each. */
export const ERROR_CODES = [
  "access_denied",
  "unauthenticated",
  "grant_revoked",
  "grant_expired",
  "grant_paused",
  "scope_missing",
  "purpose_mismatch",
  "invalid",
  "conflict",
  "rate_limited",
  "unavailable",
  "integrity",
] as const;
/** See the README's table. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What is known of a fault besides its code. */
export interface ErrorFacts {
  /** HTTP status, where an answer came. */
  status?: number | undefined;
  /** `x-request-id` of the answer. */
  requestId?: string | undefined;
  /** What exactly: the server's refusal code or OAuth error, or the check that failed. Never a value. */
  reason?: string | undefined;
  /** Whether the same call may succeed later without a change. */
  retryable?: boolean;
  /** Milliseconds to wait first. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/**
 * The one error of the SDK for another party's fault; a programmer's fault is a TypeError. Neither message nor members ever hold
 * a field's value, a token or a key.
 */
export class CounterfoilError extends Error {
  override readonly name = "CounterfoilError";
  readonly code: ErrorCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly reason: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.reason = facts.reason;
    this.retryable = facts.retryable ?? (code === "unavailable" || code === "rate_limited");
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** A server's word that a grant's customer has moved, not checked yet: `statement` is the customer's (protocol/move.ts). */
export class MovedAway extends CounterfoilError {
  readonly to: string;
  readonly statement: string;
  constructor(to: string, statement: string, facts: ErrorFacts) {
    super("conflict", "the server says that this grant's customer has moved to another server", { ...facts, reason: "grant_moved" });
    this.to = to;
    this.statement = statement;
  }
}

/** Any thrown thing as a CounterfoilError. The cause of an unknown one is left out: a parser's message may quote what it read. */
export const asCounterfoilError = (error: unknown): CounterfoilError =>
  error instanceof CounterfoilError
    ? error
    : new CounterfoilError("unavailable", "something failed that the SDK has no code for", { reason: "unexpected" });
