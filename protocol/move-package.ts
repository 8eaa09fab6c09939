import * as v from "valibot";
import { Act } from "./act.ts";
import { Assertion, Client, type Endpoint, SignedAct } from "./api.ts";
import { Epoch } from "./epoch.ts";
import { MovePlan } from "./move.ts";
import { Body, CompactJwe, CompactJws, Count, Hash, Id, Instant, Path, Positive, Text } from "./shapes.ts";
import { Successions } from "./succession.ts";
import { WaySeal, Ways } from "./ways.ts";

const list = <S extends v.GenericSchema>(item: S, most: number) => v.pipe(v.array(item), v.maxLength(most));
const Json = v.record(v.string(), v.unknown());
const Reason = v.picklist(["revoked", "expired", "declined", "narrowed"]);
/** Epoch milliseconds. */
const Time = Count;

/**
 * A store on its way to another server (section 4, "Moving"), row by row and in this order. Times are epoch milliseconds, as servers keep
 * them. What the head's root covers is checked by it; the rest is the old server's word, as it always was.
 */
export const PACKAGE_ROWS = {
  /** First and once. `position`: of the history. `grants`: ever given. */
  store: v.strictObject({
    kind: v.literal("store"),
    account: Id,
    created: Time,
    head: CompactJws,
    ways: Ways,
    seals: list(WaySeal, 40),
    epochs: list(Epoch, 1000),
    successions: Successions,
    position: Count,
    grants: Count,
    approval: v.strictObject({ act: Act, assertion: Assertion }),
    plan: MovePlan,
  }),
  /** Every head, from the first. */
  head: v.strictObject({ kind: v.literal("head"), head: CompactJws }),
  /** Every consent, by grant and number. */
  consent: v.strictObject({ kind: v.literal("consent"), grant: Id, token: CompactJws }),
  /** What no consent says of a grant: the vendor as it was, and the server's half. `refresh`: hash of the refresh token's secret. */
  grant: v.strictObject({
    kind: v.literal("grant"),
    grant: Id,
    number: Positive,
    client: Client,
    grantKey: CompactJwe,
    given: Time,
    pauseSecret: v.nullable(Hash),
    refresh: v.nullable(Hash),
    position: Count,
    complete: v.boolean(),
    paused: v.nullable(v.strictObject({ position: Positive, at: Time })),
    ended: v.nullable(
      v.strictObject({
        state: v.picklist(["revoked", "declined"]),
        at: Time,
        actor: v.picklist(["customer", "vendor"]),
        act: v.nullable(SignedAct),
        askDeletion: v.boolean(),
      }),
    ),
    deletion: v.nullable(
      v.strictObject({
        reason: Reason,
        since: Time,
        n: Positive,
        by: v.nullable(Time),
        told: v.nullable(Time),
        attested: v.nullable(Time),
      }),
    ),
    attestations: list(v.strictObject({ token: CompactJws, key: Json, received: Time, jti: Text(200) }), 20),
    reads: Count,
    lastRead: v.nullable(Time),
    line: v.nullable(Positive),
    fixed: v.nullable(
      v.strictObject({
        since: Count,
        through: Count,
        at: Time,
        objects: Count,
        repeats: Count,
        next: v.nullable(Text(250)),
        under: v.nullable(Text(20)),
      }),
    ),
    /** Reads that count against a frequency: when, and at which position. */
    counted: list(v.tuple([Time, Count]), 20_000),
  }),
  record: v.strictObject({ kind: v.literal("record"), path: Path, version: Positive, epoch: Positive, body: Body }),
  /** `body` null: it went with its grant's end or with a narrowing. `position`: in its grant. */
  share: v.strictObject({
    kind: v.literal("share"),
    grant: Id,
    path: Path,
    version: Positive,
    hash: Hash,
    body: v.nullable(Body),
    position: v.nullable(Count),
    updated: Time,
  }),
  /** An end that the head covers. */
  end: v.strictObject({ kind: v.literal("end"), grant: Id, hash: Hash }),
  /** A share that was dropped: its version never comes again. */
  gone: v.strictObject({ kind: v.literal("gone"), grant: Id, path: Path, version: Positive }),
  /** A vendor that was refused: SHA-256 of its host. */
  refusal: v.strictObject({ kind: v.literal("refusal"), host: Hash, until: Time }),
  /** A line of the history. `like`: an earlier one that has its paths. */
  line: v.strictObject({
    kind: v.literal("line"),
    position: Positive,
    at: Time,
    type: Text(20),
    grant: v.nullable(Id),
    number: v.nullable(Count),
    paths: list(Text(240), 100),
    count: Count,
    by: v.nullable(Text(500)),
    like: v.nullable(Positive),
  }),
} as const;

export const PackageRow = v.variant(
  "kind",
  Object.values(PACKAGE_ROWS) as [(typeof PACKAGE_ROWS)["store"], ...Array<(typeof PACKAGE_ROWS)[keyof typeof PACKAGE_ROWS]>],
);
export type PackageRow = { [K in keyof typeof PACKAGE_ROWS]: v.InferOutput<(typeof PACKAGE_ROWS)[K]> }[keyof typeof PACKAGE_ROWS];
export type RowOf<K extends PackageRow["kind"]> = Extract<PackageRow, { kind: K }>;

/** What a server that takes a store accepts of it, at most. */
export const PACKAGE_LIMITS = {
  /** Characters of one part. */
  part: 32_000_000,
  /** Characters of all parts: twice as many as a store may have, and its history. */
  whole: 600_000_000,
  heads: 1_000_000,
  consents: 100_000,
  grants: 10_000,
  shares: 2_000_000,
  lines: 5_000_000,
} as const;

/**
 * Claims of a server's word to the one that a store leaves (`typ: server-move+jwt`, signed by a key of its `/.well-known/jwks.json`), for a
 * minute. `code`: hash of the one-time code that the customer was given. Times in seconds.
 */
export const ServerWord = v.strictObject({
  iss: Text(300),
  aud: Text(300),
  iat: Count,
  exp: Count,
  code: Hash,
  what: v.picklist(["parts", "arrived"]),
});
export type ServerWord = v.InferOutput<typeof ServerWord>;

/** What servers ask of each other. */
export const MOVE_API = {
  /** The next rows after `after`; null: the first ones. `next` null: there are no more. `until`: when the offer ends by itself. */
  moveParts: {
    method: "POST",
    path: "/api/moves/parts",
    caller: "server",
    body: v.strictObject({ word: CompactJws, after: v.nullable(Text(400)) }),
    reply: v.strictObject({ rows: list(PackageRow, 20_000), next: v.nullable(Text(400)), until: Instant }),
  },
  /** The store is whole at the other server and its customer has opened it: from here on it is there, and nowhere else. Once more is no fault. */
  arrived: {
    method: "POST",
    path: "/api/moves/arrived",
    caller: "server",
    body: v.strictObject({ word: CompactJws }),
    reply: v.strictObject({ at: Instant }),
  },
} as const satisfies Record<string, Endpoint>;
