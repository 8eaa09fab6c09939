import { type Problem, REFUSALS, Refusal, type RefusalCode } from "#protocol/refusal.ts";
import { StorageError } from "./storage/storage.ts";

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The one shape of every refusal outside OAuth (RFC 9457). Whatever is not a refusal is a 500 with a constant text. */
export function refuse(error: unknown, request: string): Answer {
  const refusal = refusalOf(error);
  const problem: Problem = {
    type: `https://w3id.org/counterfoil/problem/${refusal.code}`,
    title: TITLES[refusal.code],
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
    ...(refusal.pointer === undefined ? {} : { pointer: refusal.pointer }),
    request,
    ...refusal.extra,
  };
  const headers: Record<string, string> = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": request,
  };
  const { retryAfter, allow, challenge, dpopNonce } = refusal.extra;
  if (typeof retryAfter === "number") headers["Retry-After"] = String(retryAfter);
  if (typeof allow === "string") {
    headers.Allow = allow;
    delete problem.allow;
  }
  if (typeof challenge === "string") {
    headers["WWW-Authenticate"] = challenge;
    delete problem.challenge;
  }
  if (typeof dpopNonce === "string") {
    headers["DPoP-Nonce"] = dpopNonce;
    delete problem.dpopNonce;
  }
  return { status: refusal.status, headers, body: JSON.stringify(problem) };
}

/** A fault of ours, which must show in the log. */
export const isFault = (error: unknown): boolean => refusalOf(error).status >= 500;

/** What is said of an error, whatever it is. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StorageError) {
    if (error.code === "full")
      return new Refusal("storage_full", "There is no room left on the server. Nothing was changed. Try again later.", {
        extra: { retryAfter: 60 },
      });
    if (error.code === "failed")
      return new Refusal("unavailable", "The server can't save right now. Nothing was changed. Try again in a moment.", {
        extra: { retryAfter: 5 },
      });
    if (error.code === "corrupt")
      return new Refusal("unavailable", "What is stored here is damaged, and the operator has to put it back. Nothing was changed.", {
        extra: { retryAfter: 600 },
      });
    if (error.code === "absent") return new Refusal("not_found", "There is nothing here.");
    if (error.code === "taken") return new Refusal("taken", "This name is in use. Make a new one.");
  }
  return new Refusal("internal", "Something went wrong on the server. Nothing was changed.");
}

const TITLES: Record<RefusalCode, string> = Object.fromEntries(
  (Object.keys(REFUSALS) as RefusalCode[]).map((code) => [code, code.replaceAll("_", " ")]),
) as Record<RefusalCode, string>;
