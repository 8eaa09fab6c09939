import { type Damage, StorageError } from "../storage.ts";

/** Enough to see that it is many. */
const MOST = 10_000;

/** What was found damaged, until it is read well again. */
export class Damages {
  readonly #found = new Map<string, Damage>();
  readonly #tell: (damage: Damage) => void;

  constructor(tell: (damage: Damage) => void) {
    this.#tell = tell;
  }

  get all(): readonly Damage[] {
    return [...this.#found.values()];
  }

  /** Passes on what `work` answers or throws, and takes note of it. */
  async watch<Result>(kind: Damage["kind"], name: string, work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      this.mend(kind, name);
      return result;
    } catch (error) {
      if (isCorrupt(error)) this.note(kind, name, error);
      throw error;
    }
  }

  note(kind: Damage["kind"], name: string, { message }: StorageError): void {
    const key = `${kind} ${name}`;
    if (this.#found.has(key) || this.#found.size >= MOST) return;
    const damage: Damage = { kind, name, message };
    this.#found.set(key, damage);
    this.#tell(damage);
  }

  /** It was read well, or is gone. */
  mend(kind: Damage["kind"], name: string): void {
    if (this.#found.size > 0) this.#found.delete(`${kind} ${name}`);
  }
}

export function isCorrupt(error: unknown): error is StorageError {
  return error instanceof StorageError && error.code === "corrupt";
}
