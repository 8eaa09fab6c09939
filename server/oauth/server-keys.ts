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

type Kept = Required<KeysDocument>;

interface Parts {
  readonly storage: Pick<Storage, "isShared" | "getDocument" | "changeDocument">;
  readonly now: () => number;
  /** Milliseconds after which a key is followed by the next. */
  readonly age: number;
}

/** How old what is known of the keys may be when one signs a token, where another process may have changed them. */
const FRESH = 10_000;
/** Between two looks for a key that isn't known: anybody may name one. */
const LOOK_AGAIN = 5_000;

/**
 * The deployment's keys: one that signs, one that will, known to everybody beforehand, and those that have signed. As a `ServerKey` it is
 * the one that signs now: take `kid` and `sign` in one go. Of many processes one makes the next key, and each signs by it when it has read
 * of it; until then by the one before, which is good for as long.
 */
export class ServerKeys implements ServerKey {
  readonly #parts: Parts;
  #document: Kept;
  #current: ServerKey;
  #published: ReadonlyArray<Omit<ServerKey, "sign"> & { readonly until: number }> = [];
  #renewing: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  /** When it was read last. */
  #readAt: number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #changes = 0;

  private constructor(parts: Parts, document: Kept) {
    this.#parts = parts;
    this.#document = document;
    this.#current = serverKeyOf(document.current);
    this.#readAt = parts.now();
    this.#publish();
  }

  /** Keys are made at the first start, once for all who start at the same time. */
  static async open(parts: Parts): Promise<ServerKeys> {
    const now = parts.now();
    const document = await parts.storage.changeDocument<KeysDocument>("keys", (kept) =>
      kept?.next === undefined ? whole(kept, now) : undefined,
    );
    return new ServerKeys(parts, whole(document, now));
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

  /** Whether another process has made a key of that name meanwhile. */
  async look(kid: unknown): Promise<boolean> {
    const { storage, now } = this.#parts;
    if (!storage.isShared || typeof kid !== "string" || this.#published.some((key) => key.kid === kid)) return false;
    if (this.#reading === undefined && !isOver(this.#lookedAt, LOOK_AGAIN, now())) return false;
    this.#lookedAt = now();
    await this.#read();
    return this.find(kid) !== undefined;
  }

  /** What is known of the keys is at most some seconds old afterwards. Costs nothing where no other process has them. */
  async refresh(): Promise<void> {
    const { storage, now } = this.#parts;
    if (storage.isShared && isOver(this.#readAt, FRESH, now())) await this.#read();
  }

  /** GET /.well-known/jwks.json */
  get published(): { keys: ReadonlyArray<ServerKey["jwk"]> } {
    return { keys: this.#published.map(({ jwk }) => jwk) };
  }

  /**
   * The next key takes over where it is time, or another process has let it; cheap where it isn't.
   * @throws {StorageError} `full`, `failed`: then nothing has changed
   */
  async renew(): Promise<void> {
    await this.refresh();
    if (this.#next(this.#document) === undefined) return;
    this.#renewing ??= this.#change((document) => this.#next(document)).finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  /** The next key takes over as soon as everybody can know it: mostly at once. */
  async rotate(): Promise<void> {
    await this.#renewing?.catch(() => {});
    await this.#change((document) => ({ ...document, wanted: true }));
    await this.renew();
  }

  /** What has to become of the keys now; undefined: nothing. */
  #next(document: Kept): Kept | undefined {
    const now = this.#parts.now();
    const { current, since, next, retired, wanted } = document;
    const left = retired.filter(({ at }) => now < at + RETIRED);
    if ((wanted || now >= since + this.#parts.age) && now >= next.made + PUBLISHED) {
      const { kty, crv, x } = current;
      return {
        current: next.key,
        since: now,
        next: { key: makePrivateKey(), made: now },
        retired: [{ key: { kty, crv, x }, at: now }, ...left] as Kept["retired"],
        wanted: false,
      };
    }
    return left.length < retired.length ? { ...document, retired: left } : undefined;
  }

  /** Durable before anything is signed by it: what was signed must verify after a crash too. */
  async #change(work: (document: Kept) => Kept | undefined): Promise<void> {
    const { storage, now } = this.#parts;
    const document = await storage.changeDocument<KeysDocument>("keys", (kept) => work(whole(kept, now())));
    this.#changes++;
    this.#take(document);
  }

  /** Callers that come while it is being read wait for it. */
  #read(): Promise<void> {
    const changes = this.#changes;
    this.#reading ??= this.#parts.storage
      .getDocument<KeysDocument>("keys")
      .then((document) => {
        // Else it may be from before this process changed them.
        if (changes === this.#changes) this.#take(document);
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #take(document: KeysDocument | undefined): void {
    if (document === undefined) return;
    this.#readAt = this.#parts.now();
    this.#document = whole(document, this.#readAt);
    const current = serverKeyOf(this.#document.current);
    if (current.kid !== this.#current.kid) this.#current = current;
    this.#publish();
  }

  #publish(): void {
    const { next, retired } = this.#document;
    this.#published = [
      { ...this.#current, until: Number.POSITIVE_INFINITY },
      // It has signed nothing yet, unless another process has gone on to it.
      { ...publishedKey(next.key), until: this.#parts.storage.isShared ? Number.POSITIVE_INFINITY : 0 },
      ...retired.map(({ key, at }) => ({ ...publishedKey(key), until: at + LAST_TOKEN })),
    ];
  }
}

/** The document with what earlier versions did not keep. */
function whole(kept: KeysDocument | undefined, now: number): Kept {
  return {
    current: kept?.current ?? makePrivateKey(),
    since: kept?.since ?? now,
    next: kept?.next ?? { key: makePrivateKey(), made: now },
    retired: kept?.retired ?? [],
    wanted: kept?.wanted ?? false,
  };
}

/** Also where a clock was set back. */
const isOver = (since: number, life: number, now: number): boolean => !(now >= since && now < since + life);
