import { StorageError } from "../storage.ts";

const PATIENCE = 30_000;

interface Waiting {
  alone: boolean;
  enter: () => void;
}

/** Lets any number of readers in together, or one writer alone, in the order in which they came. */
export class Gate {
  #inside = 0;
  #alone = false;
  #waiting: Waiting[] = [];
  readonly #what: string;

  constructor(what = "this store") {
    this.#what = what;
  }

  /** Resolves once inside. @throws {StorageError} `failed` if that takes too long */
  enter(alone: boolean): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#admits(alone)) {
      this.#admit(alone);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(new StorageError("failed", `other work has held ${this.#what} for ${PATIENCE} ms`));
        this.#next();
      }, PATIENCE);
      const waiting: Waiting = {
        alone,
        enter: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiting.push(waiting);
    });
  }

  leave(): void {
    this.#inside--;
    this.#alone = false;
    this.#next();
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#admits(first.alone); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#admit(first.alone);
      first.enter();
    }
  }

  #admits(alone: boolean): boolean {
    return alone ? this.#inside === 0 : !this.#alone;
  }

  #admit(alone: boolean): void {
    this.#inside++;
    this.#alone = alone;
  }
}
