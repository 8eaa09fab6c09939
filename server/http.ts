import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { Refusal } from "#protocol/refusal.ts";
import { randomText } from "./digest.ts";
import type { Log } from "./log.ts";
import type { Answer } from "./refuse.ts";

export type Bindings = { Bindings: HttpBindings };
export type Http = Hono<Bindings>;
export type HttpContext = Context<Bindings>;

export interface Served {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** How many records are in it, for the log; where it is sent as it is made, when its end has come. */
  readonly records?: number | Promise<number>;
}

interface Route {
  readonly method: string;
  /** As it stands in the log: with names in braces, never their values. */
  readonly name: string;
  readonly refuse: (error: unknown, request: string) => Answer;
  /** Whether it is asked every few seconds by a machine. */
  readonly isProbe?: true;
}

// Names one request of this process: to find its line in the log, not to keep anything secret. Nobody's own name for it is taken.
const run = randomText(6);
let requests = 0;

type Serve = (context: HttpContext) => Promise<Served>;

/** Adds one endpoint. One handler for a request and no middleware: each would cost more than it does. */
export function route(http: Http, log: Log, route: Route, pattern: string, serve: Serve): void {
  http.on(route.method, pattern, handler(log, route, serve));
}

/** Whatever `serve` throws becomes an answer, and one line goes to the log. */
export function handler(log: Log, { method, name, refuse, isProbe }: Route, serve: Serve): (context: HttpContext) => Promise<Response> {
  return async (context) => {
    const started = performance.now();
    const request = `${run}-${(requests++).toString(36)}`;
    let served: Served;
    let code: string | undefined;
    try {
      served = await serve(context);
    } catch (error) {
      served = refuse(error, request);
      code = codeOf(error);
      if (served.status >= 500 && !isProbe) log.fault(request, error);
    }
    const { status, headers, body, records } = served;
    const note = (given: number | undefined): void => {
      const line = {
        method,
        route: name,
        status,
        ms: Math.round((performance.now() - started) * 100) / 100,
        request,
        code,
        records: given,
      };
      if (isProbe) log.probe(line);
      else log.request(line);
    };
    if (typeof records === "object") records.then(note, () => note(undefined));
    else note(records);
    return new Response(body, { status, headers: { ...headers, "X-Request-Id": request } });
  };
}

/** Codes are words of ours: `code` of whatever else was thrown may be anything. */
const codeOf = (error: unknown): string | undefined => {
  if (error instanceof Refusal) return error.code;
  return error instanceof Error && (error.name === "OAuthError" || error.name === "StorageError") && "code" in error
    ? String(error.code)
    : undefined;
};
