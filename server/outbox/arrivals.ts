/** Polls of one stream that wait: where one more comes, the first is answered. */
const MOST = 4;

/** One who waits for something to arrive. */
export interface Arrival {
  /** Whether something has arrived, or does within so many milliseconds; `over`: it is not to wait any longer. */
  within(milliseconds: number): Promise<"arrived" | "late" | "over">;
  close(): void;
}

/** Wakes those who wait for a feed. */
export class Arrivals<Key> {
  readonly #waiting = new Map<Key, Set<(hasArrived: boolean) => void>>();
  #stopped = false;

  wake(key: Key, hasArrived = true): void {
    for (const wake of this.#waiting.get(key) ?? []) wake(hasArrived);
  }

  /** Lets everyone go, also who comes later. */
  stop(): void {
    this.#stopped = true;
    for (const key of this.#waiting.keys()) this.wake(key, false);
  }

  /** From now on nothing that arrives is missed. */
  open(key: Key): Arrival {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    let tell: ((hasArrived: boolean) => void) | undefined;
    let told: boolean | undefined = this.#stopped ? false : undefined;
    const wake = (hasArrived: boolean): void => {
      told ??= hasArrived;
      tell?.(told);
    };
    waiting.add(wake);
    if (waiting.size > MOST)
      for (const first of waiting) {
        waiting.delete(first);
        first(false);
        break;
      }
    return {
      async within(milliseconds) {
        let timer: NodeJS.Timeout | undefined;
        const hasArrived =
          told ??
          (await new Promise<boolean | undefined>((resolve) => {
            tell = resolve;
            timer = setTimeout(resolve, milliseconds, undefined);
          }));
        clearTimeout(timer);
        return hasArrived === undefined ? "late" : hasArrived ? "arrived" : "over";
      },
      close: () => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      },
    };
  }
}
