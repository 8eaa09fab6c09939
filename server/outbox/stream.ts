import { EVENT_TYPES } from "#protocol/events.ts";
import { type Delivery, POLL, PUSH, type StreamConfiguration, type StreamStatus } from "#protocol/streams.ts";
import { digest } from "../digest.ts";
import type { DocumentName, FeedName } from "../storage/storage.ts";

/** One vendor's stream as it is kept. Times in epoch milliseconds. */
export interface Stream {
  readonly id: string;
  readonly clientId: string;
  /** Where events are pushed to; null: the vendor polls. */
  readonly push: { readonly url: string; readonly authorization: string | null } | null;
  /** Types as it asked for them; null: whatever there is. */
  readonly requested: readonly string[] | null;
  readonly description: string | null;
  readonly status: StreamStatus["status"];
  readonly reason: string | null;
  /** Whether this server stopped it by itself. */
  readonly stopped: boolean;
  /** Since when nothing could be delivered, how often it was tried and when it is tried again. */
  readonly failing: { readonly since: number; readonly tries: number; readonly next: number } | null;
  /** When it last asked for a verification. */
  readonly verified: number | null;
}

/** `streams/<digest of the client_id>`. A stream that was deleted leaves null. */
export interface StreamDocument {
  readonly stream: Stream | null;
}

/** Seconds between verifications (SSF 1.0, 8.1.1). */
export const MIN_VERIFICATION_INTERVAL = 60;

export const documentOf = (clientId: string): DocumentName => `streams/${digest(clientId)}`;
export const feedOf = (clientId: string): FeedName => `events/${digest(clientId)}`;
export const documentOfFeed = (feed: FeedName): DocumentName => `streams/${feed.slice("events/".length)}`;

export const isDelivered = ({ requested }: Stream, type: string): boolean =>
  EVENT_TYPES.includes(type) && (requested === null || requested.includes(type));

/** Whether its events are to be delivered by push now. */
export const isPushed = (stream: Stream | undefined): stream is Stream => stream?.status === "enabled" && stream.push !== null;

export const pollAddress = (issuer: string, id: string): string => `${issuer}/ssf/poll/${id}`;

/** The receiver's own header is answered to itself: who reads a configuration, changes it and puts it back must not lose it (8.1.1.4). */
function deliveryOf(issuer: string, { id, push }: Stream): Delivery {
  if (push === null) return { method: POLL, endpoint_url: pollAddress(issuer, id) };
  const { url, authorization } = push;
  return { method: PUSH, endpoint_url: url, ...(authorization === null ? {} : { authorization_header: authorization }) };
}

export function configurationOf(issuer: string, stream: Stream): StreamConfiguration {
  const { id, clientId, requested, description } = stream;
  return {
    stream_id: id,
    iss: issuer,
    aud: clientId,
    delivery: deliveryOf(issuer, stream),
    events_supported: [...EVENT_TYPES],
    events_requested: [...(requested ?? EVENT_TYPES)],
    events_delivered: EVENT_TYPES.filter((type) => isDelivered(stream, type)),
    ...(description === null ? {} : { description }),
    min_verification_interval: MIN_VERIFICATION_INTERVAL,
  };
}

export function statusOf({ id, status, reason }: Stream): StreamStatus {
  return { stream_id: id, status, ...(reason === null ? {} : { reason }) };
}
