import * as v from "valibot";
import { Count, Text } from "./shapes.ts";

/** Delivery methods of SSF 1.0, 6.1: RFC 8935 and RFC 8936. */
export const PUSH = "urn:ietf:rfc:8935";
export const POLL = "urn:ietf:rfc:8936";

const Types = v.pipe(v.array(Text(300)), v.maxLength(50));
const Address = v.pipe(v.string(), v.maxLength(500), v.url());

/** How a receiver wants its events (SSF 1.0, 8.1.1). A poll stream's `endpoint_url` is the transmitter's word. */
export const Delivery = v.union([
  v.strictObject({ method: v.literal(PUSH), endpoint_url: Address, authorization_header: v.optional(Text(2000)) }),
  v.strictObject({ method: v.literal(POLL), endpoint_url: v.optional(Address) }),
]);
export type Delivery = v.InferOutput<typeof Delivery>;

/** What a receiver can say of its stream (SSF 1.0, 8.1.1.1). Members that are the transmitter's own are refused there. */
export const StreamWish = v.strictObject({
  delivery: v.optional(Delivery),
  events_requested: v.optional(Types),
  description: v.optional(Text(200)),
});
/** A change or a replacement of it (8.1.1.3, 8.1.1.4); what the transmitter supplied may come back unchanged. */
export const StreamChange = v.strictObject({
  ...StreamWish.entries,
  stream_id: Text(100),
  iss: v.optional(Text(500)),
  aud: v.optional(v.union([Text(500), v.pipe(v.array(Text(500)), v.length(1))])),
  events_supported: v.optional(Types),
  events_delivered: v.optional(Types),
  min_verification_interval: v.optional(Count),
});

/** A stream's configuration as the transmitter answers it (SSF 1.0, 8.1.1). */
export const StreamConfiguration = v.strictObject({
  stream_id: Text(100),
  iss: Text(500),
  aud: Text(500),
  delivery: Delivery,
  events_supported: Types,
  events_requested: Types,
  events_delivered: Types,
  description: v.optional(Text(200)),
  /** Seconds. */
  min_verification_interval: Count,
});
export type StreamConfiguration = v.InferOutput<typeof StreamConfiguration>;

/** SSF 1.0, 8.1.2. */
export const StreamStatus = v.strictObject({
  stream_id: Text(100),
  status: v.picklist(["enabled", "paused", "disabled"]),
  reason: v.optional(Text(300)),
});
export type StreamStatus = v.InferOutput<typeof StreamStatus>;

/** SSF 1.0, 7.1. */
export const TransmitterConfiguration = v.looseObject({
  spec_version: v.literal("1_0"),
  issuer: Text(500),
  jwks_uri: Address,
  delivery_methods_supported: Types,
  configuration_endpoint: Address,
  status_endpoint: Address,
  verification_endpoint: Address,
});

/** RFC 8936, 2.2: what a poll asks and acknowledges. `returnImmediately` false may wait up to 30 seconds. */
export const Poll = v.strictObject({
  maxEvents: v.optional(v.pipe(Count, v.maxValue(1000))),
  returnImmediately: v.optional(v.boolean()),
  ack: v.optional(v.pipe(v.array(Text(200)), v.maxLength(1000))),
  setErrs: v.optional(v.record(Text(200), v.object({ err: Text(100), description: v.optional(v.string()) }))),
});
export const PollReply = v.strictObject({ sets: v.record(Text(200), v.string()), moreAvailable: v.optional(v.boolean()) });
