import type * as v from "valibot";
import { EVENT_TYPES } from "../../protocol/events.ts";
import { type Delivery, POLL, PUSH, type StreamConfiguration, type StreamStatus, type StreamWish } from "../../protocol/streams.ts";
import { CounterfoilError } from "../error.ts";
import { newToken } from "../random.ts";
import type { VendorCall } from "../vendor-call.ts";
import type { Verifications } from "./verifications.ts";

/** How you want your events: pushed to an https endpoint of yours, or to be fetched, which `listen` does. */
export type StreamWanted = { endpoint: string; authorization?: string } | { poll: true };

/** The one stream of events (SSF 1.0) that a vendor has at a server. */
export interface Stream {
  /**
   * Makes the stream, or makes it be as wanted, and enables it where it was paused. Costs two reads where it is so already: call it at
   * each start. @param events URIs of types; all of this protocol unless told
   */
  ensure(wanted: StreamWanted, options?: { events?: readonly string[]; signal?: AbortSignal }): Promise<StreamConfiguration>;
  /** Undefined where there is no stream. `reason`: why the server paused it. */
  status(options?: { signal?: AbortSignal }): Promise<StreamStatus | undefined>;
  /**
   * Asks for a verification event, and waits until this vendor's receiver, or `listen`, has it: so the whole way works.
   * @throws {CounterfoilError} `unavailable`, reason `verification`: it did not come in time; `conflict`: there is no stream
   */
  verify(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<{ ms: number }>;
  /** Ends it; events that wait are dropped. False where there was none. */
  remove(options?: { signal?: AbortSignal }): Promise<boolean>;
}

const noStream = (): CounterfoilError => new CounterfoilError("conflict", "this vendor has no stream", { reason: "stream" });

const deliveryOf = (wanted: StreamWanted): Delivery =>
  "poll" in wanted
    ? { method: POLL }
    : {
        method: PUSH,
        endpoint_url: wanted.endpoint,
        ...(wanted.authorization === undefined ? {} : { authorization_header: wanted.authorization }),
      };

/** Without its own header: what is returned may well be logged. */
function shown(configuration: StreamConfiguration): StreamConfiguration {
  const { delivery } = configuration;
  if (delivery.method !== PUSH) return configuration;
  const { authorization_header: _, ...rest } = delivery;
  return { ...configuration, delivery: rest };
}

export function stream(call: VendorCall, verifications: Verifications): Stream {
  const current = async (signal?: AbortSignal): Promise<StreamConfiguration | undefined> => {
    const found = await call("streams", { signal });
    return Array.isArray(found) ? found[0] : found;
  };

  const fits = (now: StreamConfiguration, wanted: StreamWanted, events: readonly string[]): boolean => {
    const { delivery, events_requested } = now;
    const same = events.length === events_requested.length && events.every((each) => events_requested.includes(each));
    if ("poll" in wanted) return same && delivery.method === POLL;
    // A server that doesn't say back what header it sends is told again.
    const isSent = delivery.method === PUSH && delivery.authorization_header === wanted.authorization;
    return same && isSent && delivery.endpoint_url === wanted.endpoint;
  };

  return {
    async ensure(wanted, { events = EVENT_TYPES, signal } = {}) {
      const wish: v.InferOutput<typeof StreamWish> = { delivery: deliveryOf(wanted), events_requested: [...events] };
      let now = await current(signal);
      if (now === undefined) {
        const made = await call("createStream", { body: wish, signal }).catch((error: unknown) => {
          // Another process was first.
          if (error instanceof CounterfoilError && error.code === "conflict") return undefined;
          throw error;
        });
        if (made !== undefined) return shown(made);
        now = await current(signal);
        if (now === undefined) throw noStream();
      }
      const { stream_id } = now;
      if (!fits(now, wanted, events)) now = await call("changeStream", { body: { stream_id, ...wish }, repeatable: true, signal });
      const { status } = await call("streamStatus", { query: { stream_id }, signal });
      if (status !== "enabled") await call("setStreamStatus", { body: { stream_id, status: "enabled" }, repeatable: true, signal });
      return shown(now);
    },
    async status({ signal } = {}) {
      const now = await current(signal);
      return now && call("streamStatus", { query: { stream_id: now.stream_id }, signal });
    },
    async verify({ timeoutMs = 30_000, signal } = {}) {
      const now = await current(signal);
      if (now === undefined) throw noStream();
      const started = performance.now();
      const state = newToken();
      const arrived = verifications.expect(state, timeoutMs, signal);
      // Both at once: it may arrive before the answer to the call.
      await Promise.all([arrived, call("verifyStream", { body: { stream_id: now.stream_id, state }, signal })]);
      return { ms: performance.now() - started };
    },
    async remove({ signal } = {}) {
      const now = await current(signal);
      if (now === undefined) return false;
      await call("deleteStream", { query: { stream_id: now.stream_id }, repeatable: true, signal });
      return true;
    },
  };
}
