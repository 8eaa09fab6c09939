import { StorageError } from "../storage.ts";
import { hasCode } from "./disk.ts";

/** What the medium said, as the contract says it. */
export function failure(doing: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const [code, what] = SAID.find(([, , codes]) => codes.some((each) => hasCode(cause, each))) ?? (["failed", "the disk failed"] as const);
  return new StorageError(code, `${doing}: ${what}`, { cause });
}

const SAID = [
  ["full", "no room left", ["ENOSPC", "EDQUOT"]],
  ["failed", "the file system is read-only", ["EROFS"]],
  ["failed", "no permission", ["EACCES", "EPERM"]],
] as const;
