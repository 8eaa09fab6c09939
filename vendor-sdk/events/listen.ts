import { setTimeout as sleep } from "node:timers/promises";
import { asCounterfoilError, CounterfoilError } from "../error.ts";
import type { Listener } from "../event.ts";
import type { Acting } from "./acting.ts";
import type { ReceiverParts } from "./receiver.ts";
import type { Place, Streams } from "./streams.ts";

/** How one listens. */
export interface ListenOptions extends Acting {
  /** Ends it. */
  signal: AbortSignal;
}

/** Events taken at a time. */
const AT_ONCE = 100;
/** The server holds a poll for up to 30 seconds. */
const POLL_TIMEOUT = 45_000;
const MOST_WAIT = 60_000;

interface ListenParts extends ReceiverParts {
  readonly places: Streams["places"];
  readonly on: Listener;
}

/**
 * Fetches events by poll (RFC 8936), for those whom the server can't reach: makes the stream, waits at the server until something
 * happens, takes it durably, acts, and acknowledges with the next poll; the same at each server to which customers have moved. Goes on
 * through any fault but a refusal of the first stream itself. Resolves when the signal ends it.
 * @throws {CounterfoilError} if the stream can't be made
 */
export async function listen({ places, ...parts }: ListenParts, { signal }: ListenOptions): Promise<void> {
  const { inbox, on } = parts;
  await inbox.start();
  const end = new AbortController();
  const until = AbortSignal.any([signal, end.signal]);
  let home: Promise<void> = Promise.resolve();
  const others: Promise<void>[] = [];
  const stop = await places((place, isHome) => {
    const loop = listenAt(place, parts, until);
    const lost = (error: unknown): void => on({ type: "no-stream", server: place.issuer, reason: asCounterfoilError(error).reason });
    if (isHome) home = loop;
    others.push(isHome ? loop.catch(() => undefined) : loop.catch(lost));
  });
  try {
    await home;
  } finally {
    stop();
    end.abort();
    await Promise.all(others);
  }
  await inbox.close();
}

async function listenAt(
  { call, stream }: Place,
  { inbox, verify, verified, on }: Omit<ListenParts, "places">,
  signal: AbortSignal,
): Promise<void> {
  const { stream_id } = await stream.ensure({ poll: true }, { signal });
  let ack: string[] = [];
  let setErrs: Record<string, { err: string; description: string }> = {};
  let faults = 0;
  const take = async (jti: string, token: string): Promise<void> => {
    try {
      const event = await verify(token);
      if (event.jti !== jti) throw new CounterfoilError("integrity", "the token is under another name", { reason: "invalid_request" });
      if (event.name === "verification") verified(event);
      if ((await inbox.take(event)) !== "full") ack.push(jti);
    } catch (error) {
      // What can't be taken now is left unacknowledged, and comes again.
      if (error instanceof CounterfoilError && error.code === "integrity" && error.reason?.startsWith("invalid_"))
        setErrs[jti] = { err: error.reason, description: error.message };
      else throw error;
    }
  };
  while (!signal.aborted) {
    try {
      const body = { maxEvents: AT_ONCE, returnImmediately: false, ack, ...(Object.keys(setErrs).length === 0 ? {} : { setErrs }) };
      const { sets } = await call("poll", { id: stream_id, body, repeatable: true, timeoutMs: POLL_TIMEOUT, signal });
      [ack, setErrs] = [[], {}];
      for (const [jti, token] of Object.entries(sets)) await take(jti, token);
      faults = 0;
    } catch (thrown) {
      if (signal.aborted) break;
      const error = asCounterfoilError(thrown);
      const afterMs = Math.max(error.retryAfterMs ?? 0, Math.min(1000 * 2 ** faults++, MOST_WAIT));
      on({ type: "retry", call: "poll", attempt: faults, afterMs });
      await sleep(afterMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
