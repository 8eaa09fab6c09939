import { VENDOR_ALGORITHMS } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Answer } from "../refuse.ts";
import { isFault } from "../refuse.ts";
import { StorageError } from "../storage/storage.ts";

export type OAuthCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unsupported_grant_type"
  | "unsupported_response_type"
  | "invalid_authorization_details"
  | "invalid_scope"
  | "invalid_target"
  | "invalid_grant_id"
  | "access_denied"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "request_not_supported"
  | "temporarily_unavailable"
  | "server_error";

/** A refusal in OAuth's own form (RFC 6749, 5.2). `pointer`: JSON Pointer into authorization_details. `nonce`: for the next DPoP proof. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly code: OAuthCode;
  readonly pointer: string | undefined;
  readonly nonce: string | undefined;
  constructor(code: OAuthCode, description: string, { pointer, nonce }: { pointer?: string | undefined; nonce?: string | undefined } = {}) {
    super(description);
    this.code = code;
    this.pointer = pointer;
    this.nonce = nonce;
  }
}

export const JSON_HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

export function oauthAnswer(error: unknown, request: string): Answer {
  const { code, description, status, pointer, retryAfter, nonce, more } = shape(error);
  return {
    status,
    headers: {
      ...JSON_HEADERS,
      "X-Request-Id": request,
      ...(retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) }),
      ...(nonce === undefined ? {} : { "DPoP-Nonce": nonce }),
      // RFC 6749, 5.2: the client is told how to authenticate.
      ...(status === 401 ? { "WWW-Authenticate": `DPoP algs="${VENDOR_ALGORITHMS.join(" ")}"` } : {}),
    },
    body: JSON.stringify({ error: code, error_description: description, ...(pointer === undefined ? {} : { pointer }), ...more, request }),
  };
}

function shape(error: unknown): {
  code: OAuthCode;
  description: string;
  status: number;
  pointer?: string | undefined;
  nonce?: string | undefined;
  retryAfter?: number;
  /** Where a grant has moved, in the members of the refusal `grant_moved`. */
  more?: Readonly<Record<string, unknown>>;
} {
  if (error instanceof OAuthError)
    return {
      code: error.code,
      description: error.message,
      status: error.code === "invalid_client" ? 401 : 400,
      pointer: error.pointer,
      nonce: error.nonce,
    };
  if (error instanceof StorageError && error.code === "corrupt")
    return {
      code: "temporarily_unavailable",
      description: "what is stored here is damaged and has to be put back by the operator, nothing was changed",
      status: 503,
      retryAfter: 600,
    };
  if (error instanceof StorageError && (error.code === "full" || error.code === "failed"))
    return {
      code: "temporarily_unavailable",
      description: "the server can not save right now, nothing was changed",
      status: 503,
      retryAfter: 5,
    };
  if (error instanceof Refusal && error.code === "unavailable")
    return { code: "temporarily_unavailable", description: error.message, status: 503, retryAfter: Number(error.extra.retryAfter) };
  if (error instanceof Refusal && error.code === "grant_moved")
    return {
      code: "invalid_grant",
      description: error.message,
      status: 400,
      more: { code: error.code, to: error.extra.to, statement: error.extra.statement },
    };
  if (error instanceof Refusal && !isFault(error)) {
    const { retryAfter } = error.extra;
    return {
      code: "invalid_request",
      description: error.message,
      status: error.status,
      ...(typeof retryAfter === "number" ? { retryAfter } : {}),
    };
  }
  return { code: "server_error", description: "something went wrong on the server", status: 500 };
}
