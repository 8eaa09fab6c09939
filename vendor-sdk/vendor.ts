import type { JWK } from "jose";
import type { Consent } from "../protocol/consent-token.ts";
import { attesting, unknownGrant } from "./attesting.ts";
import { type Changes, changes } from "./changes/changes.ts";
import { type Channel, type ContactFacts, type ContactVerdict, mayContact } from "./contact.ts";
import { isSafeUrl } from "./discovery.ts";
import { dpop } from "./dpop.ts";
import { endingOf, tightenedGrant } from "./endings.ts";
import { asCounterfoilError, CounterfoilError } from "./error.ts";
import { careful, type Listener } from "./event.ts";
import { acting } from "./events/acting.ts";
import { inbox } from "./events/inbox.ts";
import { type ListenOptions, listen } from "./events/listen.ts";
import { type Receiver, type ReceiverOptions, type ReceiverParts, receiver } from "./events/receiver.ts";
import type { Stream } from "./events/stream.ts";
import { streams } from "./events/streams.ts";
import { verifications } from "./events/verifications.ts";
import { issuerOf, type VendorEvent, verifyEvent } from "./events/verify-event.ts";
import { type Grant, grantOf } from "./grant.ts";
import { type Grants, grants } from "./grants.ts";
import { http } from "./http.ts";
import { servers } from "./issuers.ts";
import { keyedLock } from "./lock.ts";
import { type FollowsTo, moves } from "./moves.ts";
import type { Party } from "./party.ts";
import { type Evidence, evidenceOf } from "./proof.ts";
import { type Requests, requests } from "./requests.ts";
import { fieldsOf, recordOf } from "./row.ts";
import { book, memoryState, type StateStore, type StoredGrant } from "./state.ts";
import { type Syncing, syncing } from "./sync.ts";
import type { Change } from "./taking.ts";
import { vendorKeys } from "./vendor-keys.ts";

/** Who you are, which server you use, and where you remember. */
export interface VendorOptions {
  /** The https URL of your client metadata document (http only on loopback, for development). */
  clientId: string;
  /** The server's issuer URL, exactly as its metadata write it. */
  server: string;
  /**
   * Private JWKs: `use: "sig"`, the first one signs; `use: "enc"`, the one in use first, then retired ones. `counterfoil-vendor init` makes
   * them; the README says how they are changed.
   */
  keys: readonly JWK[];
  /** Where pins, cursors and refresh tokens are kept. In memory unless told: use `fileState` or your own. */
  state?: StateStore;
  fetch?: typeof fetch;
  /** For one attempt; 10 000 unless told. */
  timeoutMs?: number;
  /** Of calls that may be repeated; 2 unless told. */
  maxRetries?: number;
  /** Hears each request, retry, refusal and sync; never a value. */
  on?: Listener;
  /** Epoch milliseconds; the system's clock unless told. */
  now?: () => number;
  /**
   * Whether you go on with a customer who has moved to another server, by its issuer. To any unless told, since it is the customer's own
   * signed word; name those that you know if your machine can reach what nobody should make it call.
   */
  followsTo?: FollowsTo;
}

/** What a pull gave, all of it checked. */
export interface Snapshot {
  grant: Grant;
  /** The customer's signed consent: keep `token` as proof (GDPR art. 7(1)). */
  consent: { token: string; claims: Consent };
  /** False while the customer's app is still adding what was granted. */
  complete: boolean;
  /** Since the cursor, removals first. */
  changes: Change[];
  /** Everything granted and present now, by path. */
  records: Record<string, unknown>;
  /** Where the next read goes on. */
  cursor: string;
  /** Names the line in the customer's history that this read wrote. */
  receipt: { read: number; at: string };
}

/** About when, and after which messages, one asks whether a customer may be reached. */
export interface ContactOptions {
  /** Now unless told. */
  at?: Date;
  /** When you reached this customer by this channel before: without it a rule of how often can't be kept. */
  sent?: readonly Date[];
}

/** From where a pull reads, and whether it moves on. */
export interface PullOptions {
  /** A cursor, or null for the beginning; where the last saved read ended unless told. */
  since?: string | null;
  /** Saves where it ended, as `sync` does. Only for callers that have stored what they got. */
  advance?: boolean;
  signal?: AbortSignal;
}

/** One vendor toward one server. Every method throws {@link CounterfoilError}, TypeError for a wrong argument, and the signal's reason when aborted. */
export interface Vendor extends Syncing {
  readonly requests: Requests;
  readonly grants: Grants;
  /** The stream of events: what customers do reaches you in milliseconds. */
  readonly stream: Stream;
  /**
   * One receiver of pushed events for your endpoint, in any framework: see {@link Receiver}. A grant that ended is erased from the sink at
   * once, one that changed is synced.
   */
  receiver(options: ReceiverOptions): Receiver;
  /** The same by poll, for those whom the server can't reach. Resolves when the signal ends it. */
  listen(options: ListenOptions): Promise<void>;
  /** Checks one event, for a receiver of your own: see `verifyEvent`. Remembers none. */
  verifyEvent(body: string): Promise<VendorEvent>;
  /**
   * A grant as an ISO/IEC TS 27560 consent record and its receipt, in DPV 2.3 (JSON-LD): your proof of what was allowed when, made of the
   * customer's own signatures. Your client document is fetched for what it says of you.
   */
  evidence(grantId: string): Promise<Evidence>;
  /**
   * Reads one grant and checks everything: the consent's signature, pin, audience, number and succession, that it is no wider than
   * asked and for a key of yours; the grant key's hash; each share's place, version and coverage.
   * @throws {CounterfoilError} `integrity` a check failed: nothing was accepted; `grant_revoked`, `grant_expired`: erase;
   * `grant_paused`, `rate_limited`, `unavailable`: later
   */
  pull(grantId: string, options?: PullOptions): Promise<Snapshot>;
  /** What has changed in all grants, one after the other: see {@link Changes}. */
  readonly changes: Changes;
  /**
   * Whether you may reach a grant's customer by a channel for a purpose, by what the last saved read brought: see `mayContact`. Ask it
   * before each message; a grant that isn't known, or has ended, allows nothing.
   * @param purpose id of the registry, such as `delivery`, or the IRI that the consent names
   */
  mayContact(grantId: string, channel: Channel, purpose: string, options?: ContactOptions): Promise<ContactVerdict>;
}

const checkUrl = (name: string, text: string): void => {
  if (!URL.canParse(text) || !isSafeUrl(new URL(text))) throw new TypeError(`${name}: expected an https URL (http only on loopback)`);
};

/** Of a grant that has ended. */
const NOTHING: ContactFacts = {
  fields: {},
  consent: { given: "", until: "", paused: false, n: 0, purposes: [], ends: {}, paths: [], gpc: false, recipients: [] },
};

/** @throws {TypeError} on a wrong option */
export function createVendor(options: VendorOptions): Vendor {
  checkUrl("clientId", options.clientId);
  checkUrl("server", options.server);
  const now = options.now ?? Date.now;
  const on = careful(options.on);
  const store = options.state ?? memoryState();
  const party: Party = {
    clientId: options.clientId,
    server: options.server,
    keys: vendorKeys(options.keys),
    book: book(store, keyedLock()),
    http: http({ fetch: options.fetch ?? fetch, timeoutMs: options.timeoutMs ?? 10_000, maxRetries: options.maxRetries ?? 2, on, now }),
    on,
    now,
  };
  const proofs = dpop(store, now);
  const all = servers(party, proofs, options.maxRetries ?? 2);
  const waiting = verifications();
  const events = streams(party, all, waiting);
  const moved = moves(party, all, options.followsTo ?? (() => true), events.arrived);
  const attest = attesting(party, all, moved);
  const syncs = syncing({ party, servers: all, moves: moved, attest });
  const verify = async (body: string): Promise<VendorEvent> => {
    const said = issuerOf(body);
    const issuer = said !== undefined && (await party.book.issuers()).includes(said) ? said : party.server;
    return verifyEvent(body, { issuer, audience: party.clientId, keys: all.of(issuer).eventKeys, now: now() });
  };
  const received = (options: ReceiverOptions | ListenOptions): ReceiverParts => ({
    inbox: inbox(store, party.server, acting({ party, servers: all, moves: moved, attest, syncing: syncs }, options)),
    verify,
    verified: waiting.arrived,
  });

  const standing = async (id: string): Promise<StoredGrant> => {
    const grant = await party.book.grant(id);
    if (grant === undefined) throw unknownGrant();
    const why = endingOf(grant, now());
    if (why === undefined || why.reason === "retention") return grant;
    throw new CounterfoilError(why.reason === "expired" ? "grant_expired" : "grant_revoked", "this grant has ended", {
      reason: why.reason,
    });
  };

  return {
    requests: requests(all, proofs),
    grants: grants({ party, servers: all, moves: moved, attest }),
    stream: events.stream,
    receiver: (options) => receiver(received(options), options),
    listen: (options) => listen({ ...received(options), places: events.places, on }, options),
    verifyEvent: verify,
    evidence: (id) => evidenceOf(party, id),
    pull: (id, { since, advance = false, signal } = {}) =>
      party.book.locks.run(id, async () => {
        let grant = await standing(id);
        try {
          const reading = await moved.follow(grant, (server, at) => {
            // A cursor of its own means nothing to another server.
            const from = since === undefined || at !== grant ? at.cursor : since;
            grant = at;
            return server.read(at, { since: from, signal });
          });
          await party.book.saveGrant(advance ? reading.next : tightenedGrant(grant, reading.next));
          const { consent, complete, changes, cursor, receipt, next } = reading;
          return {
            grant: await grantOf(next, now()),
            consent: { token: consent.token, claims: consent.consent },
            complete,
            changes,
            records: await fieldsOf(party, next, now()),
            cursor,
            receipt,
          };
        } catch (thrown) {
          signal?.throwIfAborted();
          if (thrown instanceof TypeError) throw thrown;
          const error = asCounterfoilError(thrown);
          on({ type: "refused", grant: id, code: error.code, reason: error.reason });
          throw error;
        }
      }),
    mayContact: (id, channel, purpose, { at = new Date(now()), sent = [] } = {}) =>
      party.book.locks.run(id, async () => {
        const grant = await party.book.grant(id);
        const record = grant === undefined || grant.ended !== null ? NOTHING : await recordOf(party, grant, now(), "preferences/contact");
        return mayContact(record, channel, purpose, at, sent);
      }),
    changes: changes({ party, servers: all, moves: moved }),
    ...syncs,
  };
}
