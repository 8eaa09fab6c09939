import { originOf, SERVER_WORD_TYP } from "#protocol/move.ts";
import { MOVE_API, PACKAGE_LIMITS, ServerWord } from "#protocol/move-package.ts";
import { Refusal } from "#protocol/refusal.ts";
import { check } from "../guards/body.ts";
import { Bounded } from "../guards/bounded.ts";
import { isSignedBy, type PublicKey, publicKey } from "../guards/public-key.ts";
import { isLoopback } from "../loopback.ts";
import { type Signer, signedJws } from "../signed-jws.ts";
import { type AddressOptions, FetchError } from "../vendors/checked-address.ts";
import { askServer, type ServerAnswer } from "./ask-server.ts";

interface Parts {
  readonly key: Signer;
  readonly issuer: string;
  readonly now: () => number;
  readonly address: AddressOptions;
  /** Fetches a document that a stranger named. */
  readonly fetch: (url: URL) => Promise<string>;
}

/** Seconds that a word holds, and that clocks may differ by. */
const LIFE = 60;
const KEYS_FRESH = 300_000;
const TIMEOUT = 30_000;

const notProven = (cause?: unknown): Refusal =>
  new Refusal("invalid_token", "This word is not by the server to which the store was offered.", { cause });

/** What this server says to others about a move, and what they say to it. */
export class ServerWords {
  readonly #parts: Parts;
  readonly #keys = new Bounded<{ readonly keys: readonly unknown[]; readonly at: number }>(100);

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether a text is the address of another server that this one may talk to: https, or this machine where this one is on it itself. */
  isOther(text: string): boolean {
    const origin = originOf(text);
    if (origin === undefined || origin === this.#parts.issuer) return false;
    const { protocol, hostname } = new URL(origin);
    return protocol === "https:" || (this.#parts.address.loopback && isLoopback(hostname));
  }

  /** Asks the server that a store leaves. `timeout`: milliseconds in all. @throws {FetchError} */
  ask(from: string, what: ServerWord["what"], code: string, more: object = {}, timeout = TIMEOUT): Promise<ServerAnswer> {
    const { key, issuer, now, address } = this.#parts;
    const iat = Math.floor(now() / 1000);
    const word: ServerWord = { iss: issuer, aud: from, iat, exp: iat + LIFE, code, what };
    const { path } = MOVE_API[what === "parts" ? "moveParts" : "arrived"];
    const options = { ...address, most: PACKAGE_LIMITS.part, timeout };
    return askServer(new URL(path, from), { word: signedJws(key, SERVER_WORD_TYP, word), ...more }, options);
  }

  /** What a word says, unproven: whose store it is about decides whose it has to be. @throws {Refusal} `invalid_token` */
  read(token: string, what: ServerWord["what"]): ServerWord {
    const { issuer, now } = this.#parts;
    let word: ServerWord;
    try {
      word = check(ServerWord, JSON.parse(decode(token, 1)));
    } catch (cause) {
      throw notProven(cause);
    }
    const seconds = now() / 1000;
    const isNow = word.iat <= seconds + LIFE && word.exp > seconds - LIFE && word.exp <= word.iat + LIFE;
    if (word.aud !== issuer || word.what !== what || !isNow) throw notProven();
    return word;
  }

  /** Proves that a server signed it by a key of its own document. @throws {Refusal} `invalid_token`, `unavailable` */
  async prove(token: string, server: string): Promise<void> {
    const [header = "", claims = "", signature = ""] = token.split(".");
    let kid: unknown;
    try {
      const { kid: named, alg, typ, ...more } = JSON.parse(decode(token, 0)) as Record<string, unknown>;
      if (alg !== "Ed25519" || typ !== SERVER_WORD_TYP || Object.keys(more).length > 0) throw notProven();
      kid = named;
    } catch (cause) {
      throw cause instanceof Refusal ? cause : notProven(cause);
    }
    const isSigned = (key: PublicKey | undefined): boolean =>
      key !== undefined && isSignedBy(key, `${header}.${claims}`, Buffer.from(signature, "base64url"));
    if (isSigned(await this.#keyOf(server, kid, false))) return;
    if (!isSigned(await this.#keyOf(server, kid, true))) throw notProven();
  }

  async #keyOf(server: string, kid: unknown, anew: boolean): Promise<PublicKey | undefined> {
    const { now, fetch } = this.#parts;
    let known = this.#keys.get(server);
    if (known === undefined || anew || now() - known.at > KEYS_FRESH) {
      try {
        const { keys } = JSON.parse(await fetch(new URL("/.well-known/jwks.json", server))) as { keys?: unknown };
        known = { keys: Array.isArray(keys) ? keys.slice(0, 20) : [], at: now() };
      } catch (cause) {
        if (!(cause instanceof FetchError || cause instanceof SyntaxError)) throw cause;
        throw new Refusal("unavailable", "The other server's keys can't be fetched right now.", { extra: { retryAfter: 10 }, cause });
      }
      this.#keys.set(server, known);
    }
    const jwk = known.keys.find((key) => typeof key === "object" && key !== null && (key as { kid?: unknown }).kid === kid);
    return publicKey(jwk, "Ed25519");
  }
}

const decode = (token: string, part: 0 | 1): string => Buffer.from(token.split(".")[part] ?? "", "base64url").toString();
