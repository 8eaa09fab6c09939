import { createHmac, randomBytes } from "node:crypto";

/** Milliseconds in which one nonce is the newest; the one before is taken as long again. */
const LIFE = 300_000;

/** Nonces for DPoP proofs (RFC 9449, 8): each follows from the time and a secret of this process, so that none has to be kept. */
export class Nonces {
  readonly #secret = randomBytes(32);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get newest(): string {
    return this.#of(this.#period);
  }

  takes(nonce: unknown): boolean {
    return nonce === this.newest || nonce === this.#of(this.#period - 1);
  }

  get #period(): number {
    return Math.floor(this.#now() / LIFE);
  }

  #of(period: number): string {
    return createHmac("sha256", this.#secret).update(String(period)).digest().subarray(0, 16).toString("base64url");
  }
}
