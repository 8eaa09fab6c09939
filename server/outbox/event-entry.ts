import { EVENT_BASE, EVENT_TYP, type EventName, type EventPayload, type EventToken } from "#protocol/events.ts";
import { randomText } from "../digest.ts";
import { type Signer, signedJws } from "../signed-jws.ts";
import type { Told } from "../store/tell.ts";
import { isDelivered, type Stream } from "./stream.ts";

/** What waits in a vendor's feed: all of a security event token but its signature, so that a second delivery has the same `jti`. */
export interface EventEntry {
  /** Id of the stream that it was for: another one of the same vendor does not get it. */
  readonly stream: string;
  readonly claims: EventToken;
}

export const typeOf = (event: EventName): string => EVENT_BASE + event;

/** @param now when it is issued: what it tells of may have been due before. Epoch milliseconds */
export function entryOf(issuer: string, { id, clientId }: Stream, { subject, grant, event, payload, at }: Told, now: number): EventEntry {
  return {
    stream: id,
    claims: {
      ...claims(issuer, clientId, now),
      sub_id: { format: "complex", user: { format: "iss_sub", iss: issuer, sub: subject }, grant: { format: "opaque", id: grant } },
      events: { [typeOf(event)]: { grant_id: grant, event_timestamp: Math.floor(at / 1000), ...payload } },
    },
  };
}

/** An event about the stream itself (SSF 1.0, 8.1.4.1 and 8.1.5). */
export function streamEntry(issuer: string, { id, clientId }: Stream, type: string, payload: object, now: number): EventEntry {
  return {
    stream: id,
    claims: {
      ...claims(issuer, clientId, now),
      sub_id: { format: "opaque", id },
      events: { [type]: { ...payload } },
    },
  };
}

/** One cause, one `txn`; never the same for two vendors, whom it would tell that they have the same customer. */
const claims = (iss: string, aud: string, now: number) => ({
  iss,
  aud,
  jti: randomText(16),
  iat: Math.floor(now / 1000),
  txn: randomText(16),
});

/** What keeps its order: one grant, or the stream itself. */
export const laneOf = ({ claims: { sub_id } }: EventEntry): string => (sub_id.format === "complex" ? sub_id.grant.id : "");

export function eventOf({ claims: { events } }: EventEntry): readonly [type: string, payload: Readonly<Record<string, unknown>>] {
  return Object.entries(events)[0] as [string, Record<string, unknown>];
}

/** Not what an earlier stream of this vendor asked for, nor what this one no longer does. */
export const isWanted = (stream: Stream, entry: EventEntry): boolean =>
  entry.stream === stream.id && (entry.claims.sub_id.format === "opaque" || isDelivered(stream, eventOf(entry)[0]));

/** Whether its acknowledgement is evidence: that the vendor knows of an end, a narrowing or a deadline. */
export function isAboutDeletion(entry: EventEntry): boolean {
  const [type, payload] = eventOf(entry);
  return ENDS.includes(type) || (type === typeOf("grant-changed") && payload.delete_by !== null);
}
const ENDS: readonly string[] = (["grant-revoked", "grant-expired", "erasure-due"] as const).map(typeOf);

const CHANGED = typeOf("records-changed");
const MOST_PATHS = 100;

/** One event instead of two neighbours of a grant, where they say the same kind of thing; otherwise undefined. It has the later one's `jti`. */
export function merged(earlier: EventEntry, later: EventEntry): EventEntry | undefined {
  const [type, before] = eventOf(earlier);
  const [laterType, after] = eventOf(later);
  if (type !== CHANGED || laterType !== CHANGED || earlier.stream !== later.stream) return undefined;
  const [one, two] = [before, after] as [EventPayload<"records-changed">, EventPayload<"records-changed">];
  const paths = [...new Set([...one.paths, ...two.paths])];
  // Beyond the paths that they list nobody knows which are the same: at least as many as the longer one tells.
  const count = Math.max(paths.length, one.count, two.count);
  return {
    ...later,
    claims: { ...later.claims, events: { [CHANGED]: { ...two, paths: paths.slice(0, MOST_PATHS), count } } },
  };
}

/** The token (RFC 8417) by the key that is current now: the one of an earlier delivery may have been replaced since. */
export const signedToken = (key: Signer, { claims }: EventEntry): string => signedJws(key, EVENT_TYP, claims);
