import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "./deps.ts";
import { type Http, route } from "./http.ts";
import { refuse } from "./refuse.ts";
import { within } from "./storage/within.ts";

export const HEALTH_PATH = "/health";
export const READY_PATH = "/ready";

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
/** Milliseconds for which the storage's answer stands: however often it is asked, the storage is looked at so often only. */
const STANDS = 1_000;
/** The contract's limit, and a little: a medium that hangs is none. */
const PATIENCE = 3_000;
const RETRY_AFTER = 5;

/** For whoever watches over the process: whether it is alive, and whether it is to be sent requests. */
export function healthRoutes(http: Http, { log, storage, ending }: Pick<Deps, "log" | "storage" | "ending">): void {
  const isUp = remembered(() => answers(storage), STANDS);
  let wasUp = true;
  route(http, log, { method: "GET", name: HEALTH_PATH, refuse, isProbe: true }, HEALTH_PATH, async () => ({
    status: 200,
    headers: HEADERS,
    body: '{"status":"alive"}',
  }));
  route(http, log, { method: "GET", name: READY_PATH, refuse, isProbe: true }, READY_PATH, async () => {
    if (ending.draining.aborted) throw notReady("This process is about to end. Ask another one.");
    const { error } = await isUp();
    if ((error === undefined) !== wasUp) {
      wasUp = error === undefined;
      if (!wasUp) log.fault("storage", error);
      log.process({ stage: wasUp ? "ready" : "unready" });
    }
    if (error !== undefined) throw notReady("The storage does not answer.");
    return { status: 200, headers: HEADERS, body: '{"status":"ready"}' };
  });
}

const notReady = (why: string): Refusal => new Refusal("unavailable", why, { extra: { retryAfter: RETRY_AFTER } });

const answers = (storage: Pick<Deps["storage"], "check">): Promise<{ error: unknown }> =>
  within(PATIENCE, storage.check(), "the storage's answer").then(
    () => ({ error: undefined }),
    (error: unknown) => ({ error }),
  );

/** Asks once for all who come while it is asked, and a while after. */
function remembered<Result>(ask: () => Promise<Result>, stands: number): () => Promise<Result> {
  let asked: Promise<Result> | undefined;
  let until = Number.NEGATIVE_INFINITY;
  return () => {
    if (asked !== undefined && performance.now() < until) return asked;
    until = Number.POSITIVE_INFINITY;
    asked = ask().finally(() => {
      until = performance.now() + stands;
    });
    return asked;
  };
}
