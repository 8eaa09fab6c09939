import type { SignedAct } from "#protocol/api.ts";
import type { Trust } from "#protocol/succession.ts";

/**
 * What this browser remembers of a store between openings: enough to notice that the server shows less than it showed before, and
 * the key half of this device's way in. No raw key and no value.
 */
export interface Remembered {
  readonly account: string;
  /** The highest head seen. */
  readonly head: { readonly seq: number; readonly hash: string } | null;
  /** The keys by which that head was proven. */
  readonly trust: Trust | null;
  /** The highest version seen, by record path. */
  readonly versions: Readonly<Record<string, number>>;
  /** The last consent seen, by grant. */
  readonly consents: Readonly<Record<string, { readonly n: number; readonly hash: string }>>;
  /** Ends whose proof this device has verified: hash of what proves it, by grant. */
  readonly ends: Readonly<Record<string, string>>;
  /** Stops that were approved on this device, whole, by grant: a server that was put back is told of them again. */
  readonly stops?: Readonly<Record<string, { readonly act: SignedAct; readonly askDeletion: boolean }>>;
  /** When the server was last put back to an earlier state, as far as this device has gone along with it. */
  readonly restored?: string | undefined;
  /** Grants of which this device knew a later consent than the server has since. */
  readonly lost?: readonly string[];
  /** A labelled hash of the last PRF reading, by credential id: a passkey opens the store only once two readings were the same. */
  readonly readings: Readonly<Record<string, string>>;
  readonly device: { readonly way: string; readonly key: CryptoKey } | null;
}

export interface Memory {
  read(account: string): Promise<Remembered | undefined>;
  /** Reads, changes and writes as one: tabs share a memory. */
  change(account: string, change: (old: Remembered) => Remembered): Promise<void>;
  forget(account: string): Promise<void>;
}

export const blank = (account: string): Remembered => ({
  account,
  head: null,
  trust: null,
  versions: {},
  consents: {},
  ends: {},
  readings: {},
  device: null,
});

/** A memory that ends with its process. */
export function memoryInMemory(): Memory {
  const rows = new Map<string, Remembered>();
  return {
    async read(account) {
      return rows.get(account);
    },
    async change(account, change) {
      rows.set(account, change(rows.get(account) ?? blank(account)));
    },
    async forget(account) {
      rows.delete(account);
    },
  };
}

/** The device's half of its way in: signs, and can't be read. */
export const makeDeviceKey = (): Promise<CryptoKey> => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
