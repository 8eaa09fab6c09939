import * as v from "valibot";
import { AuthorizationDetails } from "../protocol/authorization-details.ts";
import { ErasureAttestation, Remainder } from "../protocol/erasure-attestation.ts";
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

/** What a sink did of an erasure, and what stays there. */
export const Done = v.object({ did: v.array(v.string()), remains: v.array(Remainder) });
export type Done = v.InferOutput<typeof Done>;

/** An erasure that every sink has to do before it can be attested. `n`: of the consent; `by`: what each sink did, by its name. */
const Owed = v.object({
  reason: v.picklist(["revoked", "expired", "declined", "narrowed", "retention"]),
  since: Instant,
  n: Positive,
  by: v.record(v.string(), Done),
  /** What a sink said that it did and had not yet made durable: after a crash it finds nothing to do any more. */
  tried: v.optional(v.record(v.string(), Done), {}),
});

/** The last attestation. `received`: when the server said that it took it. */
const Attested = v.object({
  jti: v.string(),
  reason: Owed.entries.reason,
  at: Instant,
  ...Done.entries,
  received: v.nullable(Instant),
});

/** What is remembered of a grant. Times in epoch milliseconds unless they are texts. */
export const StoredGrant = v.object({
  id: Id,
  asked: AuthorizationDetails,
  /** What was asked to take its place, newest last: the customer may approve before anybody comes back. */
  offers: v.optional(v.array(AuthorizationDetails), []),
  /** As the server said at the last token; the consent decides as soon as there is one. */
  details: AuthorizationDetails,
  refresh: v.nullable(v.string()),
  given: Count,
  paused: v.boolean(),
  ended: v.nullable(v.object({ state: v.picklist(["revoked", "expired", "declined"]), at: Instant, by: v.optional(v.literal("vendor")) })),
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
  /** The last time that the server answered a read of which the shares were kept. */
  read: v.nullable(Count),
  lastRead: v.nullable(v.object({ since: v.nullable(v.string()), at: Count })),
  /** Reads that count against a frequency, oldest first. */
  reads: v.array(Count),
  /** Names of the sinks that confirmed the erasure of an ended grant. */
  erasedIn: v.array(v.string()),
  /** Names of the sinks that confirmed a row of it: an erasure is attested when each of them has done its part. */
  writtenIn: v.optional(v.array(v.string()), []),
  owes: v.optional(v.nullable(Owed), null),
  attested: v.optional(v.nullable(Attested), null),
  /** A bulk read told of it and could not be taken: the next sync asks for this grant by itself. */
  behind: v.optional(v.boolean(), false),
  /** The issuer at which it is, where its customer has moved; null: the one that the vendor named. */
  server: v.optional(v.nullable(v.string()), null),
});
export type StoredGrant = v.InferOutput<typeof StoredGrant>;

/** A grant of which nothing was read yet. `given`: epoch milliseconds. */
export const freshGrant = (id: string, given: number): Omit<StoredGrant, "asked" | "details" | "refresh"> => ({
  id,
  given,
  paused: false,
  ended: null,
  pin: null,
  consent: null,
  grantKey: null,
  cursor: null,
  complete: false,
  seen: {},
  shares: {},
  read: null,
  lastRead: null,
  reads: [],
  erasedIn: [],
  offers: [],
  writtenIn: [],
  owes: null,
  attested: null,
  behind: false,
  server: null,
});

const KEPT_APART = ["seen", "shares"] as const;
/** Whatever changes with each read. `kept`: names the text of shares that belongs to it. */
const StoredHead = v.object({ ...v.omit(StoredGrant, KEPT_APART).entries, kept: v.optional(v.string()) });
/** What changes when a customer changes something: of many records it is long, so it is written only then. */
const StoredShares = v.object({ ...v.pick(StoredGrant, KEPT_APART).entries, kept: v.string() });

/** A grant without its shares: all that its state follows from. */
export type GrantHead = Omit<StoredGrant, (typeof KEPT_APART)[number]>;

/** A request on its way through the customer's browser. */
export const StoredRequest = v.object({
  verifier: v.string(),
  redirectUri: v.string(),
  asked: AuthorizationDetails,
  expires: Count,
  replaces: v.optional(v.nullable(Id), null),
  /** The issuer to which it went; null: the one that the vendor named. */
  server: v.optional(v.nullable(v.string()), null),
});
export type StoredRequest = v.InferOutput<typeof StoredRequest>;

/** An attestation that the server has not taken yet. `tries` count refusals; not before `next` (epoch milliseconds). */
export const StoredAttestation = v.object({ claims: ErasureAttestation, tries: Count, next: Count });
export type StoredAttestation = v.InferOutput<typeof StoredAttestation>;

/**
 * How far bulk reads of one server have come. `began`: when the one from the beginning began that has not come to its end yet. `missed`:
 * grants that it told of and that could not be taken, where nothing else remembers them.
 */
export const StoredFeed = v.object({ cursor: v.nullable(v.string()), began: v.nullable(Count), missed: v.optional(v.array(Id), []) });
export type StoredFeed = v.InferOutput<typeof StoredFeed>;

const Issuers = v.array(v.string());
const Consents = v.array(v.object({ n: Positive, token: CompactJws }));

const parse = <S extends v.GenericSchema>(schema: S, text: string | undefined): v.InferOutput<S> | undefined =>
  text === undefined ? undefined : v.parse(schema, JSON.parse(text));

/** Typed access to a StateStore, and one lock for each grant. */
export interface Book {
  readonly locks: KeyedLock;
  grant(id: string): Promise<StoredGrant | undefined>;
  /** The same without its shares, which may be many. */
  head(id: string): Promise<GrantHead | undefined>;
  saveGrant(grant: StoredGrant): Promise<void>;
  /** How often this process saved a grant: what was looked at under the same count is as it was. */
  saves(id: string): number;
  /** @param name base64url */
  feed(name: string): Promise<StoredFeed | undefined>;
  saveFeed(name: string, feed: StoredFeed): Promise<void>;
  /** Servers to which customers have moved, by issuer. */
  issuers(): Promise<string[]>;
  addIssuer(issuer: string): Promise<void>;
  grantIds(): Promise<string[]>;
  /** Every consent that was saved with its grant, by its number: kept for ever, as proof. */
  consents(id: string): Promise<v.InferOutput<typeof Consents>>;
  attestation(jti: string): Promise<StoredAttestation | undefined>;
  attestationIds(): Promise<string[]>;
  saveAttestation(attestation: StoredAttestation): Promise<void>;
  dropAttestation(jti: string): Promise<void>;
  request(state: string): Promise<StoredRequest | undefined>;
  saveRequest(state: string, request: StoredRequest): Promise<void>;
  dropRequest(state: string): Promise<void>;
  /** Requests that no one came back from. */
  dropRequestsBefore(now: number): Promise<void>;
}

export function book(store: StateStore, locks: KeyedLock): Book {
  const request = async (state: string) => parse(StoredRequest, await store.get(`request/${state}`));
  const consents = async (id: string) => parse(Consents, await store.get(`consents/${id}`)) ?? [];
  /** The last number kept, by grant: a proof is written once. */
  const proven = new Map<string, number>();
  const keepConsent = async (id: string, { n, token }: { n: number; token: string }): Promise<void> => {
    if (proven.get(id) === n) return;
    const kept = await consents(id);
    if (!kept.some((each) => each.n === n))
      await store.set(`consents/${id}`, JSON.stringify([...kept, { n, token }].sort((a, b) => a.n - b.n)));
    proven.set(id, n);
  };
  const issuers = async () => parse(Issuers, await store.get("issuers")) ?? [];
  const saved = new Map<string, number>();
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
      saved.set(head.id, (saved.get(head.id) ?? 0) + 1);
      if (head.consent !== null) await keepConsent(head.id, head.consent);
      const before = stored.get(shares);
      const kept = before?.seen === seen ? before.kept : newToken();
      if (kept !== before?.kept) await store.set(`shares/${head.id}`, JSON.stringify({ kept, seen, shares }));
      await store.set(`grant/${head.id}`, JSON.stringify({ ...head, kept }));
      stored.set(shares, { seen, kept });
    },
    saves: (id) => saved.get(id) ?? 0,
    issuers,
    addIssuer: (issuer) =>
      locks.run("issuers", async () => {
        const known = await issuers();
        if (!known.includes(issuer)) await store.set("issuers", JSON.stringify([...known, issuer]));
      }),
    feed: async (name) => parse(StoredFeed, await store.get(`feed/${name}`)),
    saveFeed: (name, feed) => store.set(`feed/${name}`, JSON.stringify(feed)),
    grantIds: async () => (await store.list("grant/")).map((key) => key.slice("grant/".length)),
    consents,
    attestation: async (jti) => parse(StoredAttestation, await store.get(`attestation/${jti}`)),
    attestationIds: async () => (await store.list("attestation/")).map((key) => key.slice("attestation/".length)),
    saveAttestation: (attestation) => store.set(`attestation/${attestation.claims.jti}`, JSON.stringify(attestation)),
    dropAttestation: (jti) => store.delete(`attestation/${jti}`),
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
