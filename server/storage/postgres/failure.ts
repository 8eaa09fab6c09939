import { StorageError } from "../storage.ts";

/** SQLSTATE, or the code of a fault of the network. */
export function codeOf(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Connection exceptions, an operator's intervention, and sessions that the database ends. */
const HANGS_UP = /^(?:08|57P|25P03|25P04)/;

/** Whether the database itself has answered, and goes on answering on this connection. */
export function isAnswer(cause: unknown): boolean {
  const code = codeOf(cause) ?? "";
  return (cause as { severity?: unknown }).severity !== undefined && SQLSTATE.test(code) && !HANGS_UP.test(code);
}

/** What two transactions did to each other (serialization_failure, deadlock_detected): once more, and it may well pass. */
export const isConflict = (cause: unknown): boolean => ["40001", "40P01"].includes(codeOf(cause) ?? "");

const SAID: Readonly<Record<string, string>> = {
  "25006": "the database takes no writes now",
  "28000": "the database knows no such user here",
  "28P01": "the database refuses the password",
  "3D000": "there is no such database",
  "42501": "the database's user may not do this: it must own the database's tables",
  "53300": "the database has no connection left for us",
  "55P03": "a lock was not free in time",
  "57014": "a statement took too long",
  "57P01": "the database shuts down",
  "57P02": "the database crashed",
  "57P03": "the database is starting or stopping",
};

/**
 * What the database or the network said, as the contract says it. Its own text stays behind: it may quote a row, a key or the address.
 */
export function failure(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const code = codeOf(cause);
  if (code === "53100") return new StorageError("full", "the database has no room left (53100)");
  const what = SAID[code ?? ""] ?? (SQLSTATE.test(code ?? "") && isAnswer(cause) ? "the database failed" : saidOf(cause));
  return new StorageError("failed", code === undefined ? what : `${what} (${code})`);
}

/** A fault of the driver's own has no code. */
function saidOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : "";
  if (/does not support SSL/i.test(text))
    return "the database does not speak TLS: give it a certificate, or say sslmode=disable in its address";
  if (/timeout exceeded when trying to connect/.test(text)) return "no connection to the database was free in time";
  return /timeout/i.test(text) ? "the database did not answer in time" : "the connection to the database failed";
}
