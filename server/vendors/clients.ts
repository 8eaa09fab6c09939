import { digest } from "../digest.ts";
import { Bounded } from "../guards/bounded.ts";
import { type PublicKey, publicKey } from "../guards/public-key.ts";
import type { Storage } from "../storage/storage.ts";
import { FetchError } from "./fetch-document.ts";
import { MetadataError, readMetadata, type Vendor, vendorOf } from "./metadata.ts";

const FRESH = 86_400_000;
const AGAIN = 60_000;
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

interface VendorDocument {
  fetched: number;
  vendor: Vendor;
}

/** Vendors by their client id metadata documents: fetched when first named, kept for a day. */
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

  /** A vendor's key for `alg`, which the vendor may just have added. @throws {ClientError} */
  async keyOf(clientId: string, kid: unknown, alg: unknown): Promise<PublicKey> {
    const document = await this.#document(clientId);
    const key = pick(document.vendor, kid, alg);
    if (key !== undefined) return key;
    if (this.#options.now() - document.fetched > AGAIN) {
      const newer = pick((await this.#fetch(clientId, document)).vendor, kid, alg);
      if (newer !== undefined) return newer;
    }
    throw new ClientError("the key set has no such key");
  }

  async #document(clientId: string): Promise<VendorDocument> {
    const { policy, storage, now } = this.#options;
    if (policy !== "open" && !policy.has(clientId)) throw new ClientError("this operator has not admitted this client");
    const known = this.#known.get(clientId) ?? (await storage.getDocument<VendorDocument>(nameOf(clientId)));
    if (known === undefined || now() - known.fetched > FRESH) return this.#fetch(clientId, known);
    this.#known.set(clientId, known);
    return known;
  }

  /** Callers that come while a document is on its way wait for it. */
  #fetch(clientId: string, before: VendorDocument | undefined): Promise<VendorDocument> {
    const running = this.#fetching.get(clientId);
    if (running !== undefined) return running;
    const fetching = this.#fetchNow(clientId, before).finally(() => this.#fetching.delete(clientId));
    this.#fetching.set(clientId, fetching);
    return fetching;
  }

  async #fetchNow(clientId: string, before: VendorDocument | undefined): Promise<VendorDocument> {
    const { storage, now, fetch } = this.#options;
    const address = addressOf(clientId);
    if (before === undefined && (await storage.count(`fetch:${address.hostname}`, 60_000)).count > MOST)
      throw new ClientError("this host's documents were asked for too often, try again in a minute");
    try {
      const text = await fetch(address);
      const metadata = readMetadata(text, clientId);
      const vendor = vendorOf(metadata, text, await fetch(new URL(metadata.jwks_uri)), before?.vendor.row.since ?? now());
      const document = { fetched: now(), vendor };
      await storage.putDocument(nameOf(clientId), document);
      this.#known.set(clientId, document);
      return document;
    } catch (cause) {
      if (cause instanceof FetchError || cause instanceof MetadataError) throw new ClientError(cause.message, { cause });
      throw cause;
    }
  }
}

const nameOf = (clientId: string) => `vendors/${digest(clientId)}` as const;

/** A client id is the address of its document, written in just one way. */
function addressOf(clientId: string): URL {
  const url = clientId.length <= 500 && URL.canParse(clientId) ? new URL(clientId) : undefined;
  if (url === undefined || url.href !== clientId || url.pathname === "/" || url.hash !== "")
    throw new ClientError("client_id is not the address of a client id metadata document");
  return url;
}

function pick(vendor: Vendor, kid: unknown, alg: unknown): PublicKey | undefined {
  const fitting = vendor.signingKeys.filter((key) => kid === undefined || key.kid === kid);
  for (const jwk of fitting) {
    const key = publicKey(jwk, alg);
    if (key !== undefined) return key;
  }
  return undefined;
}
