import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { randomText } from "./digest.ts";
import type { Log } from "./log.ts";
import type { Answer } from "./refuse.ts";

export type Bindings = { Bindings: HttpBindings };
export type Http = Hono<Bindings>;
export type HttpContext = Context<Bindings>;

export interface Served {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
}

interface Route {
  readonly method: string;
  /** As it stands in the log: with names in braces, never their values. */
  readonly name: string;
  readonly refuse: (error: unknown, request: string) => Answer;
}

// Names one request of this process: to find its line in the log, not to keep anything secret.
const run = randomText(6);
let requests = 0;

type Serve = (context: HttpContext) => Promise<Served>;

/** Adds one endpoint. One handler for a request and no middleware: each would cost more than it does. */
export function route(http: Http, log: Log, route: Route, pattern: string, serve: Serve): void {
  http.on(route.method, pattern, handler(log, route, serve));
}

/** Whatever `serve` throws becomes an answer, and one line goes to the log. */
export function handler(log: Log, { method, name, refuse }: Route, serve: Serve): (context: HttpContext) => Promise<Response> {
  return async (context) => {
    const started = performance.now();
    const request = `${run}-${(requests++).toString(36)}`;
    let served: Served;
    try {
      served = await serve(context);
    } catch (error) {
      served = refuse(error, request);
      if (served.status >= 500) log.fault(request, error);
    }
    log.request({ method, route: name, status: served.status, ms: Math.round((performance.now() - started) * 100) / 100, request });
    return new Response(served.body, { status: served.status, headers: served.headers });
  };
}
