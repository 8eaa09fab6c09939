import { StorageError } from "../storage.ts";

/** Places that are given in the order in which they were asked for. Who waits too long, or finds too many waiting, gets `failed`. */
export class Line {
  readonly #most: number;
  readonly #patience: number;
  #free: number;
  readonly #waiting: Array<() => void> = [];

  /** @param patience milliseconds */
  constructor(places: number, { most, patience }: { most: number; patience: number }) {
    this.#free = places;
    this.#most = most;
    this.#patience = patience;
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  get length(): number {
    return this.#waiting.length;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    if (this.#waiting.length >= this.#most) throw new StorageError("failed", "too many wait already");
    await new Promise<void>((resolve, reject) => {
      const called = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(called), 1);
        reject(new StorageError("failed", `waited ${this.#patience} ms for others`));
      }, this.#patience);
      this.#waiting.push(called);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** One line for each name, one at a time; those at which nobody stands are forgotten. */
export class Lines {
  readonly #limits: { most: number; patience: number };
  readonly #lines = new Map<string, Line>();

  constructor(limits: { most: number; patience: number }) {
    this.#limits = limits;
  }

  async within<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(name) ?? new Line(1, this.#limits);
    this.#lines.set(name, line);
    await line.enter();
    try {
      return await work();
    } finally {
      if (line.isIdle) this.#lines.delete(name);
      line.leave();
    }
  }
}
