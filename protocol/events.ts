import * as v from "valibot";
import { CompactJws, Count, Id, Instant, Positive, Text } from "./shapes.ts";

/** Where the types of our events lie; each is a URI (RFC 8417, 2.2). */
export const EVENT_BASE = "https://w3id.org/counterfoil/event/";
/** SSF 1.0, 8.1.4.1 and 8.1.5. */
export const VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification";
export const STREAM_UPDATED = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

// What CAEP's events call them: seconds, and whose doing it was.
const common = { event_timestamp: Count, initiating_entity: v.picklist(["user", "admin", "policy", "system"]) };
const grant = { ...common, grant_id: Id };
const due = { ...grant, delete_by: v.nullable(Instant) };

/** Every event about a grant: payload by the last part of its type. Never a value. Receivers ignore members that they don't know (SSF). */
export const EVENTS = {
  "grant-created": v.object(grant),
  /** A consent followed another. `n`: its number. `delete_by`: for what is no longer granted; null where nothing was taken away. */
  "grant-changed": v.object({ ...due, n: Positive }),
  "grant-paused": v.object(grant),
  "grant-resumed": v.object(grant),
  /** `delete_by`: null where nothing was ever read. */
  "grant-revoked": v.object(due),
  "grant-expired": v.object(due),
  /** A reminder, before the deadline: no attestation has come. */
  "erasure-due": v.object({ ...grant, delete_by: Instant }),
  /** Its customer has moved to another server: `to` its issuer, `statement` the customer's signed word (protocol/move.ts). */
  "grant-moved": v.object({ ...grant, to: Text(300), statement: CompactJws }),
  /** Something can be read anew. `paths`: as granted, at most 100; `count` tells all. */
  "records-changed": v.object({ ...grant, paths: v.pipe(v.array(v.string()), v.maxLength(100)), count: Count }),
} as const;

/** Last part of a type of ours. */
export type EventName = keyof typeof EVENTS;
export type EventPayload<N extends EventName> = v.InferOutput<(typeof EVENTS)[N]>;
export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];
/** URIs of what a stream can be asked for. */
export const EVENT_TYPES: readonly string[] = EVENT_NAMES.map((name) => EVENT_BASE + name);

/** `typ` of a security event token (RFC 8417, 2.3). */
export const EVENT_TYP = "secevent+jwt";

/** The subject of an event about a grant: who the customer is to this vendor, and the grant (RFC 9493, 3.2.6; SSF 1.0, 3). */
export const GrantSubject = v.object({
  format: v.literal("complex"),
  user: v.object({ format: v.literal("iss_sub"), iss: Text(500), sub: Text(200) }),
  grant: v.object({ format: v.literal("opaque"), id: Id }),
});
/** The subject of an event about a stream (SSF 1.0, 8.1.4.1). */
export const StreamSubject = v.object({ format: v.literal("opaque"), id: Text(100) });

/** Claims of a security event token: exactly one event, no `sub`, no `exp` (RFC 8417; SSF 1.0, 4.1). */
export const EventToken = v.object({
  iss: Text(500),
  aud: Text(500),
  jti: Text(200),
  iat: Count,
  txn: v.optional(Text(200)),
  sub_id: v.union([GrantSubject, StreamSubject]),
  events: v.pipe(v.record(Text(300), v.record(v.string(), v.unknown())), v.minEntries(1), v.maxEntries(1)),
});
export type EventToken = v.InferOutput<typeof EventToken>;
