import { createHmac, randomBytes } from "node:crypto";
import { randomText } from "../digest.ts";
import type { Storage } from "../storage/storage.ts";

/** Milliseconds in which one nonce is the newest; the one before is taken as long again. */
const LIFE = 300_000;

interface NoncesDocument {
  readonly secret: string;
}

/** The secret of all processes that share a storage, made by the first; undefined where each has its own. */
export async function sharedSecret(storage: Pick<Storage, "isShared" | "changeDocument">): Promise<Buffer | undefined> {
  if (!storage.isShared) return undefined;
  const kept = await storage.changeDocument<NoncesDocument>("nonces", (before) =>
    before === undefined ? { secret: randomText(32) } : undefined,
  );
  return kept === undefined ? undefined : Buffer.from(kept.secret, "base64url");
}

/** Nonces for DPoP proofs (RFC 9449, 8): each follows from the time and a secret, so that none has to be kept. */
export class Nonces {
  readonly #now: () => number;
  readonly #secret: Buffer;

  /** @param secret of this process alone unless told */
  constructor(now: () => number, secret: Buffer = randomBytes(32)) {
    this.#now = now;
    this.#secret = secret;
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
