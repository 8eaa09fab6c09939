import { EvidenceError } from "#protocol/jws.ts";
import { ServerRefusal } from "./server.ts";
import { VaultError } from "./vault.ts";

/** What is thrown below, as what a screen can say. What doesn't fit its proof says what was seen. @param done of a verb that makes many commits */
export function explained(error: unknown, done?: number): VaultError {
  if (error instanceof ServerRefusal || (error instanceof VaultError && done !== undefined))
    return new VaultError(error.code, error.message, error.reference, done ?? error.done);
  if (error instanceof VaultError) return error;
  return error instanceof EvidenceError
    ? new VaultError("tampered", error.message, undefined, done)
    : new VaultError("failed", "fault in the vault", undefined, done);
}
