import { setTimeout as sleep } from "node:timers/promises";
import type { Endpoint } from "../protocol/api.ts";
import { CounterfoilError } from "./error.ts";
import type { Listener } from "./event.ts";

/** One call to the server. `prepare` runs for each attempt, so that no assertion or proof goes out twice. */
export interface Call {
  /** Its name in events. */
  name: string;
  method: Endpoint["method"];
  url: string;
  prepare(): Promise<{ headers: Record<string, string>; body?: URLSearchParams | string }>;
  /** Safe to send again: a read, or keyed so that it counts once. */
  repeatable: boolean;
  /** For one attempt, where it may wait longer than others. */
  timeoutMs?: number | undefined;
  /** A good answer's body is handed out as it comes; the timeout is then for each wait. */
  streams?: boolean;
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  requestId: string | undefined;
  /** Parsed JSON; undefined for anything else. */
  body: unknown;
  /** Of a good answer to a call that streams: to be read to its end, or ended. Throws `unavailable` where it is cut or nothing comes. */
  chunks?: AsyncGenerator<Uint8Array, void>;
}

export type Http = (call: Call) => Promise<Answer>;

export interface HttpOptions {
  fetch: typeof fetch;
  timeoutMs: number;
  maxRetries: number;
  on: Listener;
  now: () => number;
}

/** The longest that a call waits by itself when the server says Retry-After; longer waits are the caller's. */
const PATIENCE = 10_000;
/** A page of a pull is far below. */
const MOST_BYTES = 64 * 1_048_576;
const AGAIN = new Set([429, 502, 503, 504]);

/** Sends with a timeout, and again where that is safe; never follows a redirect, so that no token goes anywhere else. */
export function http(options: HttpOptions): Http {
  return async (call) => {
    for (let attempt = 0; ; attempt++) {
      const last = !call.repeatable || attempt >= options.maxRetries;
      const result = await once(options, call, attempt).catch((error: unknown) => {
        if (last || !(error instanceof CounterfoilError) || !error.retryable) throw error;
        return undefined;
      });
      if (result !== undefined && (last || !AGAIN.has(result.status))) return result;
      const asked = result === undefined ? undefined : retryAfter(result.headers, options.now());
      // A 429 that names no time may mean a frequency of days.
      if (result !== undefined && (asked === undefined ? result.status === 429 : asked > PATIENCE)) return result;
      const afterMs = asked ?? 200 * 2 ** attempt * (0.5 + Math.random() / 2);
      options.on({ type: "retry", call: call.name, attempt, afterMs });
      await sleep(afterMs, undefined, { signal: call.signal });
    }
  };
}

async function once(options: HttpOptions, call: Call, attempt: number): Promise<Answer> {
  call.signal?.throwIfAborted();
  const { headers, body } = await call.prepare();
  const started = performance.now();
  let status: number | undefined;
  let requestId: string | undefined;
  const timeoutMs = call.timeoutMs ?? options.timeoutMs;
  const patience = patient(timeoutMs);
  try {
    const response = await patience.wait(
      options.fetch(call.url, {
        method: call.method,
        headers: { accept: "application/json, application/problem+json", ...headers },
        ...(body === undefined ? {} : { body }),
        redirect: "error",
        signal: call.signal === undefined ? patience.signal : AbortSignal.any([patience.signal, call.signal]),
      }),
    );
    status = response.status;
    requestId = response.headers.get("x-request-id") ?? undefined;
    const facts = { status, headers: response.headers, requestId };
    if (call.streams && response.ok) return { ...facts, body: undefined, chunks: chunksOf(response, patience, call.signal) };
    return { ...facts, body: await patience.wait(json(response)) };
  } catch (cause) {
    call.signal?.throwIfAborted();
    if (cause instanceof CounterfoilError) throw cause;
    throw new CounterfoilError("unavailable", "the server gave no answer", { status, requestId, reason: "network", cause });
  } finally {
    options.on({ type: "request", call: call.name, attempt, status, ms: performance.now() - started, requestId });
  }
}

/** Ends what it waits for too long. */
interface Patience {
  readonly signal: AbortSignal;
  wait<T>(work: Promise<T>): Promise<T>;
}

function patient(ms: number): Patience {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    async wait(work) {
      const timer = setTimeout(() => controller.abort(new DOMException("nothing came in time", "TimeoutError")), ms);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function* chunksOf(response: Response, patience: Patience, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const { status } = response;
  try {
    for (;;) {
      const { done, value } = await patience.wait(reader.read());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new CounterfoilError("unavailable", "the answer was cut", { status, reason: "network", cause });
  } finally {
    // Whoever stops in the middle gives the connection back; of one that is over this does nothing.
    await reader.cancel().catch(() => undefined);
  }
}

async function json(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES)
      throw new CounterfoilError("integrity", "the answer is larger than any that the protocol allows", {
        status: response.status,
        reason: "too_large",
      });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Milliseconds that Retry-After asks for (RFC 9110, 10.2.3), in seconds or as a date. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}
