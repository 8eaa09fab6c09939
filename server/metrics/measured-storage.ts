import { type Storage, StorageError } from "../storage/storage.ts";
import { withReplaced } from "../storage/with-replaced.ts";
import type { Instruments } from "./instruments.ts";

/** What is timed of the contract. The rest answers at once, or is for copies of everything. */
const OPERATIONS = [
  "create",
  "read",
  "change",
  "find",
  "findDue",
  "erase",
  "append",
  "readFeed",
  "removeFromFeed",
  "listFeeds",
  "getDocument",
  "putDocument",
  "changeDocument",
  "once",
  "putTicket",
  "getTicket",
  "takeTicket",
  "count",
  "hold",
  "release",
  "check",
] as const satisfies ReadonlyArray<keyof Storage>;

/** Answers of the contract, no failures: whoever asks may have named nothing. */
const EXPECTED: readonly string[] = ["absent", "taken"];

/** Times every operation, work inside included, and counts those that the engine failed. */
export function measuredStorage<Rows extends object>(
  storage: Storage<Rows>,
  { storageSeconds, storageFailures }: Instruments,
): Storage<Rows> {
  const timed = OPERATIONS.map((operation) => {
    const run = (storage[operation] as (...given: unknown[]) => Promise<unknown>).bind(storage);
    const measured = async (...given: unknown[]): Promise<unknown> => {
      const began = performance.now();
      try {
        return await run(...given);
      } catch (error) {
        if (error instanceof StorageError && !EXPECTED.includes(error.code)) storageFailures.inc({ operation, code: error.code });
        throw error;
      } finally {
        storageSeconds.observe({ operation }, (performance.now() - began) / 1000);
      }
    };
    return [operation, measured];
  });
  return withReplaced(storage, Object.fromEntries(timed) as Partial<Storage<Rows>>);
}
