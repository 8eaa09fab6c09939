import { StorageError } from "./storage.ts";

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
