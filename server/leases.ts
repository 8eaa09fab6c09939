import { randomText } from "./digest.ts";
import type { Storage } from "./storage/storage.ts";

/** How long a lease is held without being kept: who dies is followed by then. Milliseconds. */
const LIFE = 6_000;
const AT_ONCE = 16;

/**
 * What this process does for all that share a storage, as `Storage.hold` has it. Where nobody shares it, everything is this process's for
 * nothing.
 */
export class Leases {
  /** How often whoever holds some keeps them. Milliseconds. */
  readonly every: number;
  readonly #life: number;
  readonly #storage: Pick<Storage, "isShared" | "hold" | "release">;
  readonly #holder = randomText(16);
  /** Until when each is surely held, by this process's own clock, which nobody sets. */
  readonly #held = new Map<string, number>();

  constructor(storage: Pick<Storage, "isShared" | "hold" | "release">, life: number = LIFE) {
    this.#storage = storage;
    this.#life = life;
    this.every = life / 3;
  }

  /** Takes it, or keeps it for longer. @throws {StorageError} `failed` */
  async take(name: string): Promise<boolean> {
    const asked = performance.now();
    const isMine = !this.#storage.isShared || (await this.#storage.hold(name, this.#holder, this.#life));
    if (isMine) this.#held.set(name, this.#storage.isShared ? this.#endOf(asked) : Number.POSITIVE_INFINITY);
    else this.#held.delete(name);
    return isMine;
  }

  /** Before the storage says so: what began under it is mostly over by then. */
  #endOf = (asked: number): number => asked + (this.#life * 5) / 6;

  /** Whether it is this process's now, without asking. */
  holds(name: string): boolean {
    return (this.#held.get(name) ?? Number.NEGATIVE_INFINITY) > performance.now();
  }

  /**
   * Keeps all that are held. `lost`: those that another may have had in between, even where it has them no more.
   * @throws {StorageError} `failed`, when all have been tried
   */
  async keep(lost: (name: string) => void): Promise<void> {
    if (!this.#storage.isShared) return;
    const names = [...this.#held.keys()];
    let failed: PromiseRejectedResult | undefined;
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const kept = await Promise.allSettled(names.slice(at, at + AT_ONCE).map((name) => this.#keep(name, lost)));
      failed ??= kept.find((each) => each.status === "rejected");
    }
    if (failed !== undefined) throw failed.reason;
  }

  async #keep(name: string, lost: (name: string) => void): Promise<void> {
    try {
      const asked = performance.now();
      const isMine = await this.#storage.hold(name, this.#holder, this.#life);
      // Given back while it was asked for.
      if (!this.#held.has(name)) return isMine ? await this.#storage.release(name, this.#holder) : undefined;
      this.#held.set(name, isMine && this.holds(name) ? this.#endOf(asked) : Number.NEGATIVE_INFINITY);
    } finally {
      if (this.#held.has(name) && !this.holds(name)) {
        this.#held.delete(name);
        lost(name);
      }
    }
  }

  /** Gives one back: who wants it need not wait for its end. @throws {StorageError} `failed` */
  async release(name: string): Promise<void> {
    this.#held.delete(name);
    if (this.#storage.isShared) await this.#storage.release(name, this.#holder);
  }
}
