import * as v from "valibot";
import { Act } from "./act.ts";
import { AuthorizationDetails } from "./authorization-details.ts";
import { Epoch } from "./epoch.ts";
import { MovePlan } from "./move.ts";
import type { Scope } from "./scopes.ts";
import { Base64url, Body, CompactJwe, CompactJws, Count, Hash, Id, Instant, Path, Positive, Text } from "./shapes.ts";
import { Successions } from "./succession.ts";
import { WaySeal, Ways } from "./ways.ts";

/** One endpoint outside OAuth's own: method, path, who may call, request and reply shapes. Handlers, the app and the SDK read it; OpenAPI is made from it. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `{name}` stands for one path segment. */
  readonly path: string;
  /**
   * `anyone`, a `session` cookie of the customer's app, a vendor's DPoP-bound access `token` of one grant, one of the vendor itself
   * (`client_credentials`) with `scope`, or another `server` by its signed word in the body (move-package.ts).
   */
  readonly caller: "anyone" | "session" | "token" | "vendor" | "server";
  /** Of a `vendor` caller: what its token must be good for (protocol/scopes.ts). */
  readonly scope?: Scope;
  readonly query?: v.GenericSchema;
  readonly body?: v.GenericSchema;
  readonly reply: v.GenericSchema;
  /** HTTP status of success; 200 unless told. With 204 and 202 there is no body. */
  readonly status?: 201 | 202 | 204;
  /** The answer is NDJSON, sent as it is made: `reply` is one line of it. */
  readonly lines?: true;
}

const list = <S extends v.GenericSchema>(item: S, most: number) => v.pipe(v.array(item), v.maxLength(most));
const Json = v.record(v.string(), v.unknown());
/** A body or a reply that says nothing. */
export const Empty = v.strictObject({});

// Extension results must be scrubbed: PRF output never travels.
const Credential = { id: v.pipe(Base64url, v.maxLength(1400)), rawId: v.pipe(Base64url, v.maxLength(1400)), type: v.literal("public-key") };
const Attachment = v.optional(v.nullable(v.picklist(["platform", "cross-platform"])));
const Scrubbed = v.strictObject({});
/** What a browser gives for a new passkey: RegistrationResponseJSON (WebAuthn Level 3, 5.1.8). */
export const Attestation = v.strictObject({
  ...Credential,
  authenticatorAttachment: Attachment,
  clientExtensionResults: Scrubbed,
  response: v.strictObject({
    clientDataJSON: v.pipe(Base64url, v.maxLength(4000)),
    attestationObject: v.pipe(Base64url, v.maxLength(20_000)),
    transports: v.optional(list(Text(20), 10)),
  }),
});
/** What a browser gives where a passkey signed: AuthenticationResponseJSON (WebAuthn Level 3, 5.1.8). */
export const Assertion = v.strictObject({
  ...Credential,
  authenticatorAttachment: Attachment,
  clientExtensionResults: Scrubbed,
  response: v.strictObject({
    clientDataJSON: v.pipe(Base64url, v.maxLength(4000)),
    authenticatorData: v.pipe(Base64url, v.maxLength(4000)),
    signature: v.pipe(Base64url, v.maxLength(2000)),
    userHandle: v.optional(v.nullable(Base64url)),
  }),
});
export type Attestation = v.InferOutput<typeof Attestation>;
export type Assertion = v.InferOutput<typeof Assertion>;

/** An act with a passkey's assertion, or, in a recovery, with a JWS (`typ: act+jwt`, payload = the act) by the kit's key. */
export const SignedAct = v.union([v.strictObject({ act: Act, assertion: Assertion }), v.strictObject({ act: Act, kit: CompactJws })]);
export type SignedAct = v.InferOutput<typeof SignedAct>;
/** `typ` of an act that a kit's key signed. */
export const ACT_TYP = "act+jwt";

/** One version of a record, sealed under the account key of `epoch` (section 3). */
export const RecordVersion = v.strictObject({ path: Path, version: Positive, epoch: Positive, body: Body });
/** One version of a share, sealed under the grant's key. `path`: as the grant names the record, with a form. */
export const ShareVersion = v.strictObject({ grant: Id, path: Path, version: Positive, body: Body });
/** A share without its body: what the customer's root covers of it. */
export const ShareLeaf = v.strictObject({ grant: Id, path: Path, version: Positive, hash: Hash });
/** `grantKey`: the grant key sealed to the vendor's encryption key. `pause`: hash of the one-time secret that can only pause. `request`: the pushed request it answers; null where the customer narrows by themselves, which takes no act. `resumes`: the position of the pause that it lifts, in a resume without a new consent. */
export const ConsentCommit = v.strictObject({
  token: CompactJws,
  grantKey: CompactJwe,
  pause: Hash,
  request: v.nullable(Id),
  complete: v.boolean(),
});

/** A change of the customer's half: all or nothing. Members that don't apply are empty or null. */
export const Commit = v.strictObject({
  expectedSeq: Count,
  head: CompactJws,
  records: list(RecordVersion, 1000),
  shares: list(ShareVersion, 2000),
  /** Share leaves to drop, as `<grant>/<path>`: of ended grants, or outside a narrower consent. */
  drop: list(v.pipe(v.string(), v.maxLength(240)), 2000),
  consent: v.nullable(ConsentCommit),
  /** Grants whose backfill this commit closes. */
  complete: list(Id, 16),
  /** Ends in the server's half that this device takes note of: leaf `["end", grant, 1, hash]`; hash of the revoking act, or of the text `expired`. */
  ends: list(v.strictObject({ grant: Id, hash: Hash }), 1000),
  /** Pauses lifted: the position of the last pause each. Needs an act `resume`. */
  resumes: list(v.strictObject({ grant: Id, pause: Positive }), 1000),
  /** The whole new list, when it changes. */
  ways: v.nullable(Ways),
  /** Seals of new ways, and with a new epoch of all that have a key. */
  seals: list(WaySeal, 40),
  /** A new epoch of the account key. */
  epoch: v.nullable(Epoch),
  /** Where the kit is replaced, and the identity key with it: protocol/succession.ts, signed by the old kit's key. */
  succession: v.nullable(CompactJws),
  /** A new passkey's attestation, with the registration that it answers. */
  attestation: v.nullable(v.strictObject({ registration: Id, response: Attestation })),
  acts: list(SignedAct, 4),
});
export type Commit = v.InferOutput<typeof Commit>;

/** Where a commit left the store: `seq` of the head, `position` in the history. */
export const CommitReply = v.strictObject({
  seq: Positive,
  position: Positive,
  /** Where an answered request goes on: the vendor's redirect URI with code, state and iss. */
  redirect: v.nullable(v.string()),
});

/** What the server shows of a vendor, from its client id metadata document, frozen when the request was pushed. */
export const Client = v.strictObject({
  client_id: Text(500),
  client_name: Text(100),
  legal_name: Text(200),
  country: v.pipe(v.string(), v.regex(/^[A-Z]{2}$/)),
  dpo_contact: v.nullable(Text(300)),
  client_uri: v.nullable(Text(500)),
  policy_uri: v.nullable(Text(500)),
  /** Host of the client_id. */
  domain: Text(253),
  /** The public JWK with `use: enc`. */
  encryption_key: Json,
  /** When this server first fetched this client. */
  since: Instant,
  /** Hash of the document as it was fetched. */
  document: Hash,
});
export type Client = v.InferOutput<typeof Client>;

/** A pushed request, as its customer reads it. */
export const RequestView = v.strictObject({
  id: Id,
  client: Client,
  authorization_details: AuthorizationDetails,
  state: v.picklist(["open", "answered"]),
  expires: Instant,
  /** The grant that it would amend (`grant_management_action` replace); null: a new one. */
  replaces: v.nullable(Id),
  /** Told to the session whose store said no to this vendor: until when it can't ask (LIMITS.refusal). */
  refused: v.nullable(Instant),
});
export type RequestView = v.InferOutput<typeof RequestView>;

/**
 * `n`: number of the narrower consent that it follows, or of the last one. `by`: when it must be done, null where the vendor never read anything. `since`: what began it. `told`: when the vendor's stream
 * acknowledged it. `attestations`: as the vendor signed them, with the public JWK of its key set that verified each, newest last.
 */
export const Deletion = v.strictObject({
  reason: v.picklist(["revoked", "expired", "declined", "narrowed"]),
  since: Instant,
  n: Positive,
  by: v.nullable(Instant),
  told: v.nullable(Instant),
  attestations: list(v.strictObject({ token: CompactJws, key: Json, received: Instant }), 20),
});
export type Deletion = v.InferOutput<typeof Deletion>;

/** The server's half of a grant, and the latest consent. */
export const GrantView = v.strictObject({
  grant: Id,
  /** Counts the store's grants from 1. */
  number: Positive,
  client: Client,
  consent: CompactJws,
  complete: v.boolean(),
  given: Instant,
  /** Position and time of the pause in force. */
  paused: v.nullable(v.strictObject({ position: Positive, at: Instant })),
  /** `act`: of a revocation, or of the erasure of the whole store, for devices to verify. */
  ended: v.nullable(
    v.strictObject({
      state: v.picklist(["revoked", "declined"]),
      at: Instant,
      actor: v.picklist(["customer", "vendor"]),
      act: v.nullable(SignedAct),
      askDeletion: v.boolean(),
    }),
  ),
  reads: v.strictObject({ count: Count, last: v.nullable(Instant) }),
  /** What has to be deleted and what was attested: from the first narrowing or the end on. */
  deletion: v.nullable(Deletion),
  /** Whether the vendor hears of changes: it has no stream, one that works, one that is failing now, or one that was given up. */
  stream: v.picklist(["none", "live", "failing", "stopped"]),
});
export type GrantView = v.InferOutput<typeof GrantView>;

/** What the server knows of a passkey. `way`: its way in; `aaguid`: the kind of authenticator. */
export const PasskeyView = v.strictObject({ way: Id, aaguid: v.string(), created: Instant, lastUsed: Instant, backedUp: v.boolean() });
export type PasskeyView = v.InferOutput<typeof PasskeyView>;

/** One line of the store's history, in both halves. `paths` never more than 100; `count` tells all. */
export const HistoryEntry = v.strictObject({
  position: Positive,
  at: Instant,
  type: v.picklist([
    "commit",
    "read",
    "pause",
    "resume",
    "revoke",
    "approve",
    "decline",
    "login",
    "recover",
    "way",
    "export",
    "erase",
    "keep",
    "narrow",
    "expire",
    "end",
    "told",
    "attest",
    "reopen",
    "move",
    "stay",
    "arrive",
    "restored",
  ]),
  grant: v.nullable(Id),
  /** commit: head's seq; read: ordinal of the read in its grant; approve and narrow: number of the consent. */
  number: v.nullable(Count),
  paths: list(v.string(), 100),
  count: Count,
  /** read: thumbprint of the DPoP key; login: id of the way in; decline: client_id. */
  by: v.nullable(Text(500)),
});
export type HistoryEntry = v.InferOutput<typeof HistoryEntry>;

/** What changed in both halves since a position; or, without one, the first page of everything. */
export const Sync = v.strictObject({
  account: Id,
  /** Where the next `since` goes on. Rows may already be newer: read on until `more` is null, then check the root. */
  position: Positive,
  /** Next page of a whole reading (`after`), or of a long history (`since` = position): null at the end. */
  more: v.nullable(v.string()),
  head: CompactJws,
  /** The heads after `seq`, oldest first, at most 1 000. */
  heads: list(CompactJws, 1000),
  ways: Ways,
  seals: list(WaySeal, 40),
  epochs: list(Epoch, 1000),
  /** How the identity key came to be the one that signs the head, oldest first. */
  successions: Successions,
  records: list(RecordVersion, 5000),
  shares: list(ShareLeaf, 5000),
  dropped: list(v.string(), 5000),
  ends: list(v.strictObject({ grant: Id, hash: Hash }), 5000),
  grants: list(GrantView, 5000),
  passkeys: list(PasskeyView, 40),
  history: list(HistoryEntry, 5000),
  /** Created at; the kit is due 72 hours later, or before the second grant. */
  created: Instant,
  /** When the store will be erased, if its customer has said so. */
  erasing: v.nullable(Instant),
  /**
   * Where the server was put back to an earlier state since this store began: when, and to that of when (null: nobody knows). Its grants were
   * paused then, and a device that knows a newer head goes on by a head `restored` (protocol/head.ts).
   */
  restored: v.nullable(v.strictObject({ at: Instant, from: v.nullable(Instant) })),
  /** It waits to move to another server, until then; nothing is taken or given meanwhile. */
  moving: v.nullable(v.strictObject({ to: Text(300), until: Instant })),
  /** It has come from another server, which doesn't know that yet (`settle`). */
  arriving: v.nullable(v.strictObject({ from: Text(300) })),
});
export type Sync = v.InferOutput<typeof Sync>;

/** Consents that one grant can have had. */
const LIMITS_CONSENTS = 200;

const SessionReply = v.strictObject({
  account: Id,
  /** The passkey's way in that opened this session; null for a kit. */
  way: v.nullable(Id),
  /** Where this session came from a passkey just now: its device halves by way in. */
  halves: v.optional(v.record(Id, Hash)),
  /** What an unlock needs, so that it takes one more request at most. */
  head: CompactJws,
  ways: Ways,
  seals: list(WaySeal, 40),
  epochs: list(Epoch, 1000),
  successions: Successions,
});
export type SessionReply = v.InferOutput<typeof SessionReply>;

const Options = v.strictObject({ id: Id, options: Json });

/** Every endpoint of the customer's app, by name; what vendors call stands in vendor-api.ts. */
export const API = {
  registrationOptions: { method: "POST", path: "/api/registrations/options", caller: "anyone", body: Empty, reply: Options },
  /** Makes the store: its first commit with the passkey's attestation (`attestation.registration` = the options' id). */
  register: {
    method: "POST",
    path: "/api/registrations",
    caller: "anyone",
    body: Commit,
    reply: v.strictObject({ account: Id, way: v.nullable(Id), seq: Positive, position: Positive }),
  },
  loginOptions: { method: "POST", path: "/api/logins/options", caller: "anyone", body: Empty, reply: Options },
  login: {
    method: "POST",
    path: "/api/logins",
    caller: "anyone",
    body: v.strictObject({ login: Id, assertion: Assertion }),
    reply: SessionReply,
  },
  /** The kit's way in by its locator. Rate-limited. */
  recovery: {
    method: "POST",
    path: "/api/recoveries",
    caller: "anyone",
    body: v.strictObject({ locator: Hash }),
    reply: v.strictObject({
      account: Id,
      nonce: Hash,
      at: Instant,
      head: CompactJws,
      ways: Ways,
      seals: list(WaySeal, 40),
      epochs: list(Epoch, 1000),
      successions: Successions,
    }),
  },
  /** Opens a session by an act `recover` (object: hash of the head) that the kit's key signed. */
  recover: {
    method: "POST",
    path: "/api/recoveries/sessions",
    caller: "anyone",
    body: v.strictObject({ locator: Hash, act: SignedAct }),
    reply: SessionReply,
  },
  session: { method: "GET", path: "/api/session", caller: "session", reply: SessionReply },
  logout: { method: "POST", path: "/api/logout", caller: "session", body: Empty, reply: Empty },
  /** A nonce for one act, and the server's time. */
  act: { method: "POST", path: "/api/acts", caller: "session", body: Empty, reply: v.strictObject({ nonce: Hash, at: Instant }) },
  /** Options for adding a passkey to the store of this session. */
  passkeyOptions: { method: "POST", path: "/api/passkeys/options", caller: "session", body: Empty, reply: Options },
  store: {
    method: "GET",
    path: "/api/store",
    caller: "session",
    query: v.strictObject({ since: v.optional(v.string()), seq: v.optional(v.string()), after: v.optional(v.string()) }),
    reply: Sync,
  },
  commit: { method: "POST", path: "/api/store/commits", caller: "session", body: Commit, reply: CommitReply },
  request: { method: "GET", path: "/api/requests/{id}", caller: "anyone", reply: RequestView },
  decline: {
    method: "POST",
    path: "/api/requests/{id}/decline",
    caller: "anyone",
    body: Empty,
    reply: v.strictObject({ redirect: v.string() }),
  },
  pause: { method: "POST", path: "/api/grants/{id}/pause", caller: "session", body: Empty, reply: v.strictObject({ position: Positive }) },
  pauseAll: { method: "POST", path: "/api/pauses", caller: "session", body: Empty, reply: v.strictObject({ paused: Count }) },
  /** Takes back a refusal, so that the vendor of this request can be answered before its 30 days are over. Gives nothing. */
  reopen: { method: "POST", path: "/api/requests/{id}/reopen", caller: "session", body: Empty, reply: Empty },
  /** Every consent of a grant, oldest first: the evidence of what was allowed when. */
  consents: {
    method: "GET",
    path: "/api/grants/{id}/consents",
    caller: "session",
    reply: v.strictObject({ consents: list(CompactJws, LIMITS_CONSENTS) }),
  },
  /** The one-time link of a receipt: can only pause. */
  pauseByLink: {
    method: "POST",
    path: "/api/pauses/links",
    caller: "anyone",
    body: v.strictObject({ grant: Id, secret: Hash }),
    reply: v.strictObject({ client_name: Text(100) }),
  },
  /** Act `revoke`, object = hash of the latest consent token, or of the one before, if that overtook it on its way; made without the vault. */
  revoke: {
    method: "POST",
    path: "/api/grants/{id}/revoke",
    caller: "session",
    body: v.strictObject({ act: SignedAct, askDeletion: v.boolean() }),
    reply: v.strictObject({ position: Positive }),
  },
  /** Notes in the history that everything was taken away. Act `export`, object = hash of the text `what`. */
  exports: {
    method: "POST",
    path: "/api/store/exports",
    caller: "session",
    body: v.strictObject({ act: SignedAct, what: v.picklist(["sealed", "plain"]) }),
    reply: v.strictObject({ position: Positive }),
  },
  /**
   * Ends every grant, and erases the store: at once, or after LIMITS.grace. Act `erase`, object = hash of the text `when`. `askDeletion`:
   * as in `revoke`, of every vendor. Answers when; with `now` the store and this session are gone.
   */
  erase: {
    method: "POST",
    path: "/api/store/erasure",
    caller: "session",
    body: v.strictObject({ act: SignedAct, when: v.picklist(["now", "later"]), askDeletion: v.boolean() }),
    reply: v.strictObject({ at: Instant }),
  },
  /** Takes back an erasure that hasn't happened. Grants stay ended. */
  keep: { method: "POST", path: "/api/store/erasure/cancel", caller: "session", body: Empty, reply: Empty },
  /**
   * Offers the store to another server (section 4, "Moving"). Act `move`, object = `moveObject` of the plan. Until `until` nothing is taken
   * or given; `code` is for the other server, once.
   */
  move: {
    method: "POST",
    path: "/api/store/move",
    caller: "session",
    body: v.strictObject({ act: SignedAct, plan: MovePlan }),
    reply: v.strictObject({ code: Hash, until: Instant }),
  },
  /** Calls the move off. */
  stay: { method: "POST", path: "/api/store/move/cancel", caller: "session", body: Empty, reply: Empty },
  /** Fetches a store from the server that offers it, and checks it. `left`: shops that this server does not admit. Then its kit opens it. */
  arrive: {
    method: "POST",
    path: "/api/moves",
    caller: "anyone",
    body: v.strictObject({ from: Text(300), code: Hash }),
    reply: v.strictObject({ left: list(Text(100), 1000) }),
  },
  /** Its customer has opened a store that came: the old server is told, and from then on it is here. Once more is no fault. */
  settle: { method: "POST", path: "/api/store/arrival", caller: "session", body: Empty, reply: Empty },
} as const satisfies Record<string, Endpoint>;

/** Name of an exchange: the key of its entry. */
export type ApiName = keyof typeof API;
/** What is sent with it; what its entry has no schema for is nothing. */
export type BodyOf<N extends ApiName> = (typeof API)[N] extends { body: infer S extends v.GenericSchema } ? v.InferOutput<S> : undefined;
/** What its answer holds, as the entry's schema reads it. */
export type ReplyOf<N extends ApiName> = v.InferOutput<(typeof API)[N]["reply"]>;

/** Limits that more than one party must know (section 13). Times in milliseconds. */
export const LIMITS = {
  /** Bytes of a request body. */
  body: 1_048_576,
  /** Records in a store. */
  records: 100_000,
  /** Characters in a store: sealed bodies of records and shares, and what its commits leave behind. */
  bytes: 200_000_000,
  /** Characters that a grant's reads may write into the history, and those of all grants of a store. */
  history: 20_000_000,
  histories: 100_000_000,
  /** The latest that a consent may end: 12 months. */
  expiry: 366 * 86_400_000,
  /** Time in which a kit must be confirmed before a new grant. */
  kit: 72 * 3_600_000,
  /** Time in which a browser must come with a request_uri. */
  requestLifetime: 300_000,
  /** Time in which an erasure can be taken back: 7 days. */
  grace: 7 * 86_400_000,
  codeLifetime: 60_000,
  /** How long a store waits for the other server: 24 hours. */
  move: 86_400_000,
  /** How long a server says where a store has gone: 400 days. */
  moved: 400 * 86_400_000,
  /** How long a vendor that was refused can't ask that customer again: 30 days (experience, C10). */
  refusal: 30 * 86_400_000,
  /** Consents that one grant can have, one after the other. */
  consents: LIMITS_CONSENTS,
  /** How long a nonce for an act holds, and how far an act's time may be from the server's. */
  actLifetime: 300_000,
} as const;
