import * as v from "valibot";
import type { Endpoint } from "./api.ts";
import { AuthorizationDetails } from "./authorization-details.ts";
import { ChangeLine } from "./changes.ts";
import { Body, CompactJwe, CompactJws, Id, Instant, Path, Positive, Text } from "./shapes.ts";
import { Poll, PollReply, StreamChange, StreamConfiguration, StreamStatus, StreamWish, TransmitterConfiguration } from "./streams.ts";

/** One page of a pull (section 7). `receipt` names the line in the customer's history that was durable before this answer: `read` counts the reads of this grant. Cursor and counts are the grant's own; `updated` is a whole hour. */
export const Pull = v.strictObject({
  consent: CompactJws,
  grant_key: CompactJwe,
  complete: v.boolean(),
  records: v.pipe(v.array(v.strictObject({ path: Path, version: Positive, body: Body, updated: Instant })), v.maxLength(1000)),
  cursor: v.string(),
  more: v.boolean(),
  receipt: v.strictObject({ read: Positive, at: Instant }),
});
export type Pull = v.InferOutput<typeof Pull>;

/** Where a grant stands, for its vendor (Grant Management for OAuth 2.0, 6.3), with the consent that is in force or was the last. */
export const GrantStatus = v.strictObject({
  grant_id: Id,
  state: v.picklist(["active", "paused", "revoked", "expired", "declined"]),
  authorization_details: AuthorizationDetails,
  consent: CompactJws,
  /** When what is no longer granted must be deleted; null: nothing is owed. */
  delete_by: v.nullable(Instant),
  /** When the last attestation came. */
  attested: v.nullable(Instant),
});
export type GrantStatus = v.InferOutput<typeof GrantStatus>;

const ByStream = v.strictObject({ stream_id: v.optional(Text(100)) });
const Nothing = v.strictObject({});

/** Every endpoint that vendors call outside OAuth's own, by name. */
export const VENDOR_API = {
  records: {
    method: "GET",
    path: "/api/grants/{id}/records",
    caller: "token",
    query: v.strictObject({ since: v.optional(v.string()) }),
    reply: Pull,
  },
  /** A bulk pull: all grants of a vendor, NDJSON. Without `since` from the beginning; a cursor of another life of the feed, or older than it: 410 `cursor_expired`. */
  changes: {
    method: "GET",
    path: "/api/changes",
    caller: "vendor",
    scope: "changes",
    query: v.strictObject({ since: v.optional(v.string()) }),
    reply: ChangeLine,
    lines: true,
  },
  /** Query (Grant Management, 6.3). Another vendor's grant is as one that isn't there. */
  grant: { method: "GET", path: "/oauth/grants/{id}", caller: "vendor", scope: "grant_management_query", reply: GrantStatus },
  /** The vendor gives the grant up (Grant Management, 6.4): final, like a stop. */
  release: {
    method: "DELETE",
    path: "/oauth/grants/{id}",
    caller: "vendor",
    scope: "grant_management_revoke",
    reply: Nothing,
    status: 204,
  },
  /** The vendor's signed word that it has deleted (protocol/erasure-attestation.ts): after an end, a narrowing or an expiry. The same `jti` again is no fault. */
  attest: {
    method: "POST",
    path: "/api/grants/{id}/attestations",
    caller: "vendor",
    scope: "attest",
    body: v.strictObject({ attestation: CompactJws }),
    reply: v.strictObject({ received: Instant }),
    status: 201,
  },
  /** SSF 1.0, 7. */
  transmitter: { method: "GET", path: "/.well-known/ssf-configuration", caller: "anyone", reply: TransmitterConfiguration },
  createStream: {
    method: "POST",
    path: "/ssf/streams",
    caller: "vendor",
    scope: "ssf.manage",
    body: StreamWish,
    reply: StreamConfiguration,
    status: 201,
  },
  /** With a `stream_id` that stream, without one a list of at most one. */
  streams: {
    method: "GET",
    path: "/ssf/streams",
    caller: "vendor",
    scope: "ssf.read",
    query: ByStream,
    reply: v.union([StreamConfiguration, v.pipe(v.array(StreamConfiguration), v.maxLength(1))]),
  },
  changeStream: {
    method: "PATCH",
    path: "/ssf/streams",
    caller: "vendor",
    scope: "ssf.manage",
    body: StreamChange,
    reply: StreamConfiguration,
  },
  replaceStream: {
    method: "PUT",
    path: "/ssf/streams",
    caller: "vendor",
    scope: "ssf.manage",
    body: StreamChange,
    reply: StreamConfiguration,
  },
  deleteStream: {
    method: "DELETE",
    path: "/ssf/streams",
    caller: "vendor",
    scope: "ssf.manage",
    query: ByStream,
    reply: Nothing,
    status: 204,
  },
  streamStatus: { method: "GET", path: "/ssf/status", caller: "vendor", scope: "ssf.read", query: ByStream, reply: StreamStatus },
  setStreamStatus: { method: "POST", path: "/ssf/status", caller: "vendor", scope: "ssf.manage", body: StreamStatus, reply: StreamStatus },
  verifyStream: {
    method: "POST",
    path: "/ssf/verify",
    caller: "vendor",
    scope: "ssf.manage",
    body: v.strictObject({ stream_id: Text(100), state: v.optional(Text(500)) }),
    reply: Nothing,
    status: 204,
  },
  /** RFC 8936. `{id}`: the stream's. */
  poll: { method: "POST", path: "/ssf/poll/{id}", caller: "vendor", scope: "ssf.read", body: Poll, reply: PollReply },
} as const satisfies Record<string, Endpoint>;

/** Name of an exchange: the key of its entry. */
export type VendorApiName = keyof typeof VENDOR_API;
