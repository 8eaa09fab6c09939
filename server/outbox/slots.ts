/** At most so many at once; whoever waits comes in the order in which they asked. */
export class Slots {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** @param most milliseconds after which the place is another's, though the work goes on */
  async use<Result>(work: () => Promise<Result>, most?: number): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isHeld = true;
    const leave = (): void => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
    const timer = most === undefined ? undefined : setTimeout(leave, most);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}
