const BUCKET = 60_000;

/** Values that end by time, never by count. Those that end in the same minute are let go together. */
export class Expiring<Value> {
  readonly #now: () => number;
  readonly #values = new Map<string, { value: Value; until: number }>();
  readonly #ending = new Map<number, string[]>();
  #swept = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Of what is kept in memory. */
  get size(): number {
    this.#sweep();
    return this.#values.size + this.#ending.size;
  }

  get(key: string): Value | undefined {
    const now = this.#sweep();
    const found = this.#values.get(key);
    return found !== undefined && found.until > now ? found.value : undefined;
  }

  set(key: string, value: Value, until: number): void {
    if (until <= this.#sweep()) return;
    this.#values.set(key, { value, until });
    const minute = Math.ceil(until / BUCKET);
    const keys = this.#ending.get(minute);
    if (keys === undefined) this.#ending.set(minute, [key]);
    else keys.push(key);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  #sweep(): number {
    const now = this.#now();
    const minute = Math.floor(now / BUCKET);
    if (minute === this.#swept) return now;
    this.#swept = minute;
    for (const [ending, keys] of this.#ending) {
      if (ending > minute) continue;
      for (const key of keys) if ((this.#values.get(key)?.until ?? Number.POSITIVE_INFINITY) <= now) this.#values.delete(key);
      this.#ending.delete(ending);
    }
    return now;
  }
}
