import type { JsonWebKey } from "node:crypto";
import { TOKEN_LIFETIME } from "../guards/access-token.ts";
import type { PublicKey } from "../guards/public-key.ts";
import type { Storage } from "../storage/storage.ts";
import { makePrivateKey, publishedKey, type ServerKey, serverKeyOf } from "./server-key.ts";

/** How long a key stands in the keys document before it signs: as long as anybody may hold the document without asking again. */
export const PUBLISHED = 600_000;
/** How long one stands there after it has signed for the last time: until what it signed is over, events that wait to be fetched included. */
export const RETIRED = 30 * 86_400_000;
/** How long a token that a retired key signed may still come, by a clock that was set back a little. */
const LAST_TOKEN = (TOKEN_LIFETIME + 60) * 1000;

/** Times in epoch milliseconds. Of a retired key only its public half is kept: nobody needs the other one again. */
interface KeysDocument {
  readonly current: JsonWebKey;
  /** When `current` began to sign. */
  readonly since?: number;
  readonly next?: { readonly key: JsonWebKey; readonly made: number };
  readonly retired?: ReadonlyArray<{ readonly key: JsonWebKey; readonly at: number }>;
  /** The operator wants another key as soon as there may be one. */
  readonly wanted?: boolean;
}

interface Parts {
  readonly storage: Pick<Storage, "getDocument" | "putDocument">;
  readonly now: () => number;
  /** Milliseconds after which a key is followed by the next. */
  readonly age: number;
}

/**
 * The deployment's keys: one that signs, one that will, known to everybody beforehand, and those that have signed. As a `ServerKey` it is
 * the one that signs now: take `kid` and `sign` in one go.
 */
export class ServerKeys implements ServerKey {
  readonly #parts: Parts;
  #document: Required<KeysDocument>;
  #current: ServerKey;
  #published: ReadonlyArray<Omit<ServerKey, "sign"> & { readonly until: number }> = [];
  #renewing: Promise<void> | undefined;

  private constructor(parts: Parts, document: Required<KeysDocument>) {
    this.#parts = parts;
    this.#document = document;
    this.#current = serverKeyOf(document.current);
    this.#publish();
  }

  /** Keys are made at the first start. */
  static async open(parts: Parts): Promise<ServerKeys> {
    const now = parts.now();
    const kept = await parts.storage.getDocument<KeysDocument>("keys");
    const document = {
      current: kept?.current ?? makePrivateKey(),
      since: kept?.since ?? now,
      next: kept?.next ?? { key: makePrivateKey(), made: now },
      retired: kept?.retired ?? [],
      wanted: kept?.wanted ?? false,
    };
    if (kept?.next === undefined) await parts.storage.putDocument("keys", document);
    return new ServerKeys(parts, document);
  }

  get kid(): string {
    return this.#current.kid;
  }

  get jwk(): ServerKey["jwk"] {
    return this.#current.jwk;
  }

  get publicKey(): PublicKey {
    return this.#current.publicKey;
  }

  sign(data: string): string {
    return this.#current.sign(data);
  }

  /** A key that may have signed an access token which holds now. */
  find(kid: unknown): PublicKey | undefined {
    const now = this.#parts.now();
    return this.#published.find((key) => key.kid === kid && now < key.until)?.publicKey;
  }

  /** GET /.well-known/jwks.json */
  get published(): { keys: ReadonlyArray<ServerKey["jwk"]> } {
    return { keys: this.#published.map(({ jwk }) => jwk) };
  }

  /** The next key takes over where it is time; cheap where it isn't. @throws {StorageError} `full`, `failed`: then nothing has changed */
  async renew(): Promise<void> {
    const now = this.#parts.now();
    const { since, next, retired, wanted } = this.#document;
    const isOver = retired.some(({ at }) => now >= at + RETIRED);
    const isDue = (wanted || now >= since + this.#parts.age) && now >= next.made + PUBLISHED;
    if (!isDue && !isOver) return;
    this.#renewing ??= this.#change(isDue, now).finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  /** The next key takes over as soon as everybody can know it: mostly at once. */
  async rotate(): Promise<void> {
    await this.#renewing?.catch(() => {});
    await this.#put({ ...this.#document, wanted: true });
    await this.renew();
  }

  #change(isDue: boolean, now: number): Promise<void> {
    const { current, next, retired } = this.#document;
    const left = retired.filter(({ at }) => now < at + RETIRED);
    if (!isDue) return this.#put({ ...this.#document, retired: left });
    const { kty, crv, x } = current;
    return this.#put({
      current: next.key,
      since: now,
      next: { key: makePrivateKey(), made: now },
      retired: [{ key: { kty, crv, x }, at: now }, ...left] as KeysDocument["retired"] & object,
      wanted: false,
    });
  }

  /** Durable before anything is signed by it: what was signed must verify after a crash too. */
  async #put(document: Required<KeysDocument>): Promise<void> {
    await this.#parts.storage.putDocument("keys", document);
    this.#document = document;
    if (serverKeyOf(document.current).kid !== this.#current.kid) this.#current = serverKeyOf(document.current);
    this.#publish();
  }

  #publish(): void {
    const { next, retired } = this.#document;
    this.#published = [
      { ...this.#current, until: Number.POSITIVE_INFINITY },
      // It has signed nothing yet.
      { ...publishedKey(next.key), until: 0 },
      ...retired.map(({ key, at }) => ({ ...publishedKey(key), until: at + LAST_TOKEN })),
    ];
  }
}
