/** A clock that a test sets: epoch milliseconds. */
export class Clock {
  #at: number;

  constructor(at = Date.parse("2026-11-21T10:00:00Z")) {
    this.#at = at;
  }

  readonly now = (): number => this.#at;

  pass(milliseconds: number): void {
    this.#at += milliseconds;
  }
}

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
