import type { Upkeep } from "./upkeep.ts";

/** Stores that nobody sees any more, but that are perhaps not off the medium yet. */
export class Erasures {
  /** By store, the line of the journal that says so. */
  readonly #lines: Map<string, number>;
  readonly #upkeep: Upkeep;

  /** `lines`: what the journal held at start. */
  constructor(lines: Map<string, number>, upkeep: Upkeep) {
    this.#lines = lines;
    this.#upkeep = upkeep;
  }

  has(id: string): boolean {
    return this.#lines.has(id);
  }

  /** A durable change. */
  set(id: string, sequence: number): void {
    this.#lines.set(id, sequence);
  }

  /** Takes all of them off the medium. @throws {StorageError} `failed` */
  async finish(): Promise<void> {
    const last = Math.max(0, ...this.#lines.values());
    await this.#upkeep.purge(last);
    for (const [id, sequence] of this.#lines) if (sequence <= last) this.#lines.delete(id);
  }

  /** Forgets those that went with the journal meanwhile. */
  forget(): void {
    for (const [id, sequence] of this.#lines) if (!this.#upkeep.holds(sequence)) this.#lines.delete(id);
  }
}
