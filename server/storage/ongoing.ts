import { StorageError } from "./storage.ts";
import { within } from "./within.ts";

/** What goes on in a storage, counted, so that closing can wait for it. */
export class Ongoing {
  #count = 0;
  #last: (() => void) | undefined;
  #isClosed = false;

  /** @throws {StorageError} `failed` when it is closed */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new StorageError("failed", "the storage is closed");
    this.#count++;
    try {
      return await work();
    } finally {
      this.#count--;
      if (this.#count === 0) this.#last?.();
    }
  }

  /** Lets nothing new begin, and waits for the rest. `patience`: milliseconds; who still holds on then is answered by an error or not at all. */
  async close(patience: number): Promise<void> {
    this.#isClosed = true;
    if (this.#count === 0) return;
    const last = new Promise<void>((resolve) => {
      this.#last = resolve;
    });
    await within(patience, last, "closing").catch(() => {});
  }
}
