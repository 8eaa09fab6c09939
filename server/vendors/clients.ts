import { digest } from "../digest.ts";
import { Bounded } from "../guards/bounded.ts";
import { type PublicKey, publicKey } from "../guards/public-key.ts";
import type { Storage } from "../storage/storage.ts";
import { FetchError } from "./checked-address.ts";
import { MetadataError, readMetadata, type Vendor, vendorOf, withKeys } from "./metadata.ts";

/** How long what a vendor says of itself is kept. */
const FRESH = 86_400_000;
/** How long its keys are: one that it has taken out stops working by then. */
const KEYS_FRESH = 600_000;
/** How long keys are still good for where they can't be fetched. */
const KEYS_LAST = 3_600_000;
/** Between two looks for a key that isn't known. */
const AGAIN = 5_000;
/** How many unknown clients are looked for at one host in a minute: whoever may name an address must not be able to flood it. */
const MOST = 30;

/** Why a client is not known here, in words for the vendor. */
export class ClientError extends Error {
  override readonly name = "ClientError";
}

interface ClientsOptions {
  readonly storage: Pick<Storage, "getDocument" | "putDocument" | "count">;
  readonly now: () => number;
  readonly fetch: (url: URL) => Promise<string>;
  /** Which vendors may ask. */
  readonly policy: "open" | ReadonlySet<string>;
}

/** Epoch milliseconds. */
interface VendorDocument {
  readonly fetched: number;
  /** When the keys were; `looked`: when they were last asked for, answered or not. */
  readonly keys?: number;
  readonly looked?: number;
  readonly vendor: Vendor;
}

/**
 * Vendors by their client id metadata documents: fetched when first named, kept for a day, their keys for ten minutes. Each process of
 * several has its own copy for as long, and begins with the one that the storage has: a key that was taken out ends by the same time at all.
 */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #known = new Bounded<VendorDocument>(1000);
  readonly #fetching = new Map<string, Promise<VendorDocument>>();

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** @throws {ClientError} */
  async find(clientId: string): Promise<Vendor> {
    return (await this.#document(clientId)).vendor;
  }

  /** As it is now, but for a few seconds: where its newest key matters. @throws {ClientError} */
  async findNow(clientId: string): Promise<Vendor> {
    return (await this.#newer(clientId, await this.#document(clientId))).vendor;
  }

  /** A vendor's key for `alg`, which the vendor may just have added. @throws {ClientError} */
  async keyOf(clientId: string, kid: unknown, alg: unknown): Promise<PublicKey> {
    let found: PublicKey | undefined;
    await this.prove(clientId, { kid, alg }, (key) => {
      found = key;
      return true;
    });
    if (found === undefined) throw noKey();
    return found;
  }

  /**
   * The vendor by one of whose keys `isSigned`: also by one that took another's place just now, under a new name or the same.
   * @param header of what was signed: `kid` and `alg`
   * @throws {ClientError}
   */
  async prove(clientId: string, { kid, alg }: { kid?: unknown; alg?: unknown }, isSigned: (key: PublicKey) => boolean): Promise<Vendor> {
    const document = await this.#document(clientId);
    if (fitting(document.vendor, kid, alg).some(isSigned)) return document.vendor;
    const newer = await this.#newer(clientId, document);
    const keys = fitting(newer.vendor, kid, alg);
    if (keys.length === 0) throw noKey();
    if (newer === document || !keys.some(isSigned)) throw new ClientError("the signature is not by a key of the client's key set");
    return newer.vendor;
  }

  async #document(clientId: string): Promise<VendorDocument> {
    const { policy, storage, now } = this.#options;
    if (policy !== "open" && !policy.has(clientId)) throw new ClientError("this operator has not admitted this client");
    const known = this.#known.get(clientId) ?? (await storage.getDocument<VendorDocument>(nameOf(clientId)));
    if (known === undefined || now() - known.fetched > FRESH) return this.#once(clientId, () => this.#fetch(clientId, known));
    if (now() - (known.keys ?? 0) > KEYS_FRESH) return this.#once(clientId, () => this.#fetchKeys(clientId, known));
    this.#known.set(clientId, known);
    return known;
  }

  /** The same with keys of now, if some time has passed. */
  async #newer(clientId: string, known: VendorDocument): Promise<VendorDocument> {
    return this.#options.now() - (known.looked ?? 0) > AGAIN ? this.#once(clientId, () => this.#fetchKeys(clientId, known)) : known;
  }

  /** Callers that come while a document is on its way wait for it. */
  #once(clientId: string, fetch: () => Promise<VendorDocument>): Promise<VendorDocument> {
    const running = this.#fetching.get(clientId);
    if (running !== undefined) return running;
    const fetching = fetch()
      .catch((cause: unknown) => {
        throw cause instanceof FetchError || cause instanceof MetadataError ? new ClientError(cause.message, { cause }) : cause;
      })
      .finally(() => this.#fetching.delete(clientId));
    this.#fetching.set(clientId, fetching);
    return fetching;
  }

  async #fetch(clientId: string, before: VendorDocument | undefined): Promise<VendorDocument> {
    const { storage, now, fetch } = this.#options;
    const address = addressOf(clientId);
    if (before === undefined && (await storage.count(`fetch:${address.hostname}`, 60_000)).count > MOST)
      throw new ClientError("this host's documents were asked for too often, try again in a minute");
    const text = await fetch(address);
    const metadata = readMetadata(text, clientId);
    const vendor = vendorOf(metadata, text, await fetch(new URL(metadata.jwks_uri)), before?.vendor.row.since ?? now());
    return this.#keep(clientId, { fetched: now(), keys: now(), looked: now(), vendor });
  }

  /** Where they can't be had, the ones before are good for a while: a vendor's host that is down takes nobody's rights. */
  async #fetchKeys(clientId: string, known: VendorDocument): Promise<VendorDocument> {
    const { now, fetch } = this.#options;
    const looked = now();
    if (looked - (known.looked ?? 0) <= AGAIN && looked - (known.keys ?? 0) <= KEYS_LAST) return known;
    try {
      const vendor = withKeys(known.vendor, await fetch(new URL(known.vendor.jwksUri)));
      return await this.#keep(clientId, { ...known, keys: looked, looked, vendor });
    } catch (error) {
      if (!(error instanceof FetchError) || looked - (known.keys ?? 0) > KEYS_LAST) throw error;
      const same = { ...known, looked };
      this.#known.set(clientId, same);
      return same;
    }
  }

  async #keep(clientId: string, document: VendorDocument): Promise<VendorDocument> {
    await this.#options.storage.putDocument(nameOf(clientId), document);
    this.#known.set(clientId, document);
    return document;
  }
}

const noKey = (): ClientError => new ClientError("the key set has no such key");

const nameOf = (clientId: string) => `vendors/${digest(clientId)}` as const;

/** A client id is the address of its document, written in just one way. */
function addressOf(clientId: string): URL {
  const url = clientId.length <= 500 && URL.canParse(clientId) ? new URL(clientId) : undefined;
  if (url === undefined || url.href !== clientId || url.pathname === "/" || url.hash !== "" || url.hostname.endsWith("."))
    throw new ClientError("client_id is not the address of a client id metadata document");
  return url;
}

/** Its keys for `alg`, of that name if there is one. */
const fitting = (vendor: Vendor, kid: unknown, alg: unknown): PublicKey[] =>
  vendor.signingKeys
    .filter((key) => (kid === undefined || key.kid === kid) && (key.alg === undefined || key.alg === alg || isEdwards(key.alg, alg)))
    .map((key) => publicKey(key, alg))
    .filter((key) => key !== undefined);

/** Two names of one algorithm (RFC 9864). */
const isEdwards = (...names: unknown[]): boolean => names.every((name) => name === "EdDSA" || name === "Ed25519");
