import * as v from "valibot";
import { AuthorizationDetails } from "../protocol/authorization-details.ts";
import { Body, CompactJwe, CompactJws, Count, Hash, Id, Instant, Path, Positive } from "../protocol/shapes.ts";
import type { KeyedLock } from "./lock.ts";
import { newToken } from "./random.ts";

/**
 * Where a vendor keeps what it must remember: pins, versions, cursors, refresh tokens, and the shares as they came (sealed). Texts by
 * key; keys are made of `A-Z a-z 0-9 _ -` and one `/`. `set` is durable when it resolves. One process at a time.
 */
export interface StateStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, text: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** Every key that begins with `prefix`, which ends with the `/`. */
  list(prefix: string): Promise<string[]>;
}

/** A state that is gone with the process: for trying out and for tests. */
export function memoryState(): StateStore {
  const texts = new Map<string, string>();
  return {
    get: async (key) => texts.get(key),
    set: async (key, text) => void texts.set(key, text),
    delete: async (key) => void texts.delete(key),
    list: async (prefix) => [...texts.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** What is remembered of a grant. Times in epoch milliseconds unless they are texts. */
export const StoredGrant = v.object({
  id: Id,
  asked: AuthorizationDetails,
  /** As the server said at the last token; the consent decides as soon as there is one. */
  details: AuthorizationDetails,
  refresh: v.nullable(v.string()),
  given: Count,
  paused: v.boolean(),
  ended: v.nullable(v.object({ state: v.picklist(["revoked", "expired", "declined"]), at: Instant })),
  /** Thumbprint of the relationship key, from the first consent on. */
  pin: v.nullable(Hash),
  /** The latest consent: kept after the end as proof (GDPR art. 7(1)). */
  consent: v.nullable(v.object({ token: CompactJws, n: Positive, hash: Hash })),
  grantKey: v.nullable(CompactJwe),
  cursor: v.nullable(v.string()),
  complete: v.boolean(),
  /** The highest version seen by path: never shrinks while the grant lives. */
  seen: v.record(Path, Positive),
  /** Still sealed: opened when a row is made. */
  shares: v.record(Path, v.object({ version: Positive, body: Body, updated: Instant })),
  /** The last time that the server answered a read. */
  read: v.nullable(Count),
  lastRead: v.nullable(v.object({ since: v.nullable(v.string()), at: Count })),
  /** Reads that count against a frequency, oldest first. */
  reads: v.array(Count),
  /** Names of the sinks that confirmed the erasure of an ended grant. */
  erasedIn: v.array(v.string()),
});
export type StoredGrant = v.InferOutput<typeof StoredGrant>;

const KEPT_APART = ["seen", "shares"] as const;
/** Whatever changes with each read. `kept`: names the text of shares that belongs to it. */
const StoredHead = v.object({ ...v.omit(StoredGrant, KEPT_APART).entries, kept: v.optional(v.string()) });
/** What changes when a customer changes something: of many records it is long, so it is written only then. */
const StoredShares = v.object({ ...v.pick(StoredGrant, KEPT_APART).entries, kept: v.string() });

/** A grant without its shares: all that its state follows from. */
export type GrantHead = Omit<StoredGrant, (typeof KEPT_APART)[number]>;

/** A request on its way through the customer's browser. */
export const StoredRequest = v.object({ verifier: v.string(), redirectUri: v.string(), asked: AuthorizationDetails, expires: Count });
export type StoredRequest = v.InferOutput<typeof StoredRequest>;

const parse = <S extends v.GenericSchema>(schema: S, text: string | undefined): v.InferOutput<S> | undefined =>
  text === undefined ? undefined : v.parse(schema, JSON.parse(text));

/** Typed access to a StateStore, and one lock for each grant. */
export interface Book {
  readonly locks: KeyedLock;
  grant(id: string): Promise<StoredGrant | undefined>;
  /** The same without its shares, which may be many. */
  head(id: string): Promise<GrantHead | undefined>;
  saveGrant(grant: StoredGrant): Promise<void>;
  grantIds(): Promise<string[]>;
  request(state: string): Promise<StoredRequest | undefined>;
  saveRequest(state: string, request: StoredRequest): Promise<void>;
  dropRequest(state: string): Promise<void>;
  /** Requests that no one came back from. */
  dropRequestsBefore(now: number): Promise<void>;
}

export function book(store: StateStore, locks: KeyedLock): Book {
  const request = async (state: string) => parse(StoredRequest, await store.get(`request/${state}`));
  /** By the very objects that were read or written: what is still the same is in the store. */
  const stored = new WeakMap<StoredGrant["shares"], { seen: StoredGrant["seen"]; kept: string }>();
  return {
    locks,
    async grant(id) {
      const head = parse(StoredHead, await store.get(`grant/${id}`));
      if (head === undefined) return undefined;
      const { seen, shares, kept } = parse(StoredShares, await store.get(`shares/${id}`)) ?? { seen: {}, shares: {}, kept: undefined };
      if (kept !== undefined) stored.set(shares, { seen, kept });
      // Where a crash came between the two texts, the next read starts from the beginning.
      const { kept: expected, cursor, ...rest } = head;
      return { ...rest, cursor: kept === expected ? cursor : null, seen, shares };
    },
    head: async (id) => parse(StoredHead, await store.get(`grant/${id}`)),
    async saveGrant({ seen, shares, ...head }) {
      const before = stored.get(shares);
      const kept = before?.seen === seen ? before.kept : newToken();
      if (kept !== before?.kept) await store.set(`shares/${head.id}`, JSON.stringify({ kept, seen, shares }));
      await store.set(`grant/${head.id}`, JSON.stringify({ ...head, kept }));
      stored.set(shares, { seen, kept });
    },
    grantIds: async () => (await store.list("grant/")).map((key) => key.slice("grant/".length)),
    request,
    saveRequest: (state, stored) => store.set(`request/${state}`, JSON.stringify(stored)),
    dropRequest: (state) => store.delete(`request/${state}`),
    async dropRequestsBefore(now) {
      for (const key of await store.list("request/")) {
        const stored = await request(key.slice("request/".length));
        if (stored !== undefined && stored.expires < now) await store.delete(key);
      }
    },
  };
}
