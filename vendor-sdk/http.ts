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
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  requestId: string | undefined;
  /** Parsed JSON; undefined for anything else. */
  body: unknown;
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
  try {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? options.timeoutMs);
    const response = await options.fetch(call.url, {
      method: call.method,
      headers: { accept: "application/json, application/problem+json", ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: "error",
      signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
    });
    status = response.status;
    requestId = response.headers.get("x-request-id") ?? undefined;
    return { status, headers: response.headers, requestId, body: await json(response) };
  } catch (cause) {
    call.signal?.throwIfAborted();
    if (cause instanceof CounterfoilError) throw cause;
    throw new CounterfoilError("unavailable", "the server gave no answer", { status, requestId, reason: "network", cause });
  } finally {
    options.on({ type: "request", call: call.name, attempt, status, ms: performance.now() - started, requestId });
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
