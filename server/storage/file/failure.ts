import { StorageError } from "../storage.ts";
import { hasCode } from "./disk.ts";

/** What the medium said, as the contract says it. */
export function failure(doing: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const full = hasCode(cause, "ENOSPC") || hasCode(cause, "EDQUOT");
  return new StorageError(full ? "full" : "failed", `${doing}: ${full ? "no room left" : "the disk failed"}`, { cause });
}

/** @throws {StorageError} `failed`, if the promise takes longer. For waits on other work, never on the disk: what a slow disk will have done is unknown. */
export async function within<Value>(milliseconds: number, waiting: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StorageError("failed", `${what}: waited ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
  }
}
