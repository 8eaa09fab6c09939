/** Every way in which a request is refused outside OAuth's own errors: code -> HTTP status (RFC 9457; `code` is stable). */
export const REFUSALS = {
  malformed_body: 400,
  invalid_input: 400,
  invalid_act: 400,
  invalid_head: 400,
  invalid_consent: 400,
  invalid_passkey: 400,
  unauthenticated: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  invalid_attestation: 400,
  refused_before: 403,
  stream_exists: 409,
  forbidden_origin: 403,
  act_required: 403,
  consent_too_wide: 403,
  outside_consent: 403,
  kit_required: 403,
  not_found: 404,
  method_not_allowed: 405,
  stale_head: 409,
  grant_not_active: 409,
  already_answered: 409,
  store_erasing: 409,
  store_moving: 409,
  version_not_newer: 409,
  taken: 409,
  cursor_expired: 410,
  store_moved: 410,
  invalid_move: 400,
  grant_ended: 403,
  grant_paused: 403,
  grant_moved: 403,
  body_too_large: 413,
  store_full: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  frequency_exceeded: 429,
  internal: 500,
  storage_full: 507,
  unavailable: 503,
} as const;

/** A stable code; see `REFUSALS`. */
export type RefusalCode = keyof typeof REFUSALS;

/** RFC 9457 problem details; `pointer` is a JSON Pointer (RFC 6901) to the place in the body. Extra members hang on some codes. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: RefusalCode;
  detail: string;
  pointer?: string;
  [extra: string]: unknown;
}

/** Thrown anywhere below an endpoint; becomes a Problem. `detail` is a sentence that a person can act on, without a value from the request. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly pointer: string | undefined;
  readonly extra: Record<string, unknown>;
  constructor(code: RefusalCode, detail: string, options: { pointer?: string; extra?: Record<string, unknown>; cause?: unknown } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.pointer = options.pointer;
    this.extra = options.extra ?? {};
  }
  get status(): number {
    return REFUSALS[this.code];
  }
}
