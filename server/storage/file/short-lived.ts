import { Expiring } from "./expiring.ts";

/** Nonces, tickets, counts and leases, in memory only. */
export class ShortLived {
  readonly #now: () => number;
  readonly #used: Expiring<true>;
  readonly #tickets: Expiring<string>;
  readonly #counts: Expiring<{ count: number }>;
  readonly #holders: Expiring<string>;

  constructor(now: () => number) {
    this.#now = now;
    this.#used = new Expiring(now);
    this.#tickets = new Expiring(now);
    this.#counts = new Expiring(now);
    this.#holders = new Expiring(now);
  }

  once(kind: string, key: string, until: number): boolean {
    const name = `${kind}\n${key}`;
    if (until <= this.#now() || this.#used.get(name) !== undefined) return false;
    this.#used.set(name, true, until);
    return true;
  }

  putTicket(kind: string, name: string, value: unknown, until: number): void {
    this.#tickets.set(`${kind}\n${name}`, JSON.stringify(value), until);
  }

  getTicket<Value>(kind: string, name: string): Value | undefined {
    const json = this.#tickets.get(`${kind}\n${name}`);
    return json === undefined ? undefined : JSON.parse(json);
  }

  takeTicket<Value>(kind: string, name: string): Value | undefined {
    const taken = this.getTicket<Value>(kind, name);
    this.#tickets.delete(`${kind}\n${name}`);
    return taken;
  }

  count(key: string, window: number): { count: number; resetsAt: number } {
    const resetsAt = (Math.floor(this.#now() / window) + 1) * window;
    const name = `${window} ${resetsAt} ${key}`;
    const counted = this.#counts.get(name) ?? { count: 0 };
    if (counted.count === 0) this.#counts.set(name, counted, resetsAt);
    counted.count++;
    return { count: counted.count, resetsAt };
  }

  hold(name: string, holder: string, duration: number): boolean {
    if ((this.#holders.get(name) ?? holder) !== holder) return false;
    this.#holders.set(name, holder, this.#now() + duration);
    return true;
  }

  release(name: string, holder: string): void {
    if (this.#holders.get(name) === holder) this.#holders.delete(name);
  }
}
