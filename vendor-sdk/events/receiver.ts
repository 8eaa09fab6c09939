import { timingSafeEqual } from "node:crypto";
import { sha256 } from "../../protocol/canonical.ts";
import { CounterfoilError } from "../error.ts";
import type { Acting } from "./acting.ts";
import type { Inbox } from "./inbox.ts";
import type { OtherEvent, VendorEvent } from "./verify-event.ts";

/** How a receiver goes about it. */
export interface ReceiverOptions extends Acting {
  /** The `Authorization` header that you told the server to send, if you did. */
  authorization?: string;
}

/**
 * Takes pushed events (RFC 8935): give it the request, send its answer. It answers once the event is durable in your state, and acts
 * afterwards.
 */
export interface Receiver {
  (request: Request): Promise<Response>;
  /** When every event that was taken has been acted on, but for what is tried again later. */
  idle(): Promise<void>;
  /** Before the process ends: resolves when what is under way is done. What waits is taken up by the next receiver over this state. */
  close(): Promise<void>;
}

/** What a receiver is made of. */
export interface ReceiverParts {
  readonly inbox: Inbox;
  verify(body: string): Promise<VendorEvent>;
  /** Whoever waits for the stream's verification. */
  verified(event: OtherEvent): void;
}

const MOST_BYTES = 65_536;

/** RFC 8935, 2.3 and 2.4: `description` is for the transmitter's log and repeats nothing of what came. */
const fault = (status: number, err: string, description: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ err, description }), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });

export function receiver({ inbox, verify, verified }: ReceiverParts, { authorization }: ReceiverOptions): Receiver {
  const started = inbox.start();
  started.catch(() => undefined);

  const receive = async (request: Request): Promise<Response> => {
    if (request.method !== "POST") return fault(405, "invalid_request", "Events come by POST.", { allow: "POST" });
    if (request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() !== "application/secevent+jwt")
      return fault(415, "invalid_request", "Expected content type application/secevent+jwt.");
    if (authorization !== undefined && !(await same(authorization, request.headers.get("authorization") ?? "")))
      return fault(400, "authentication_failed", "The Authorization header is not the one that was agreed.");
    const body = await bodyOf(request);
    if (body === undefined) return fault(413, "invalid_request", "The token is too large.");
    await started;
    const event = await verify(body);
    if (event.name === "verification") verified(event);
    if ((await inbox.take(event)) === "full") return fault(503, "invalid_request", "Too many events wait here.", { "retry-after": "5" });
    return new Response(null, { status: 202, headers: { "cache-control": "no-store" } });
  };

  const answer = async (request: Request): Promise<Response> => {
    try {
      return await receive(request);
    } catch (error) {
      // A 400 is final for a transmitter: so it is only for what the token itself is.
      if (error instanceof CounterfoilError && error.code === "integrity" && error.reason?.startsWith("invalid_"))
        return fault(400, error.reason, error.message);
      return fault(503, "invalid_request", "The event can't be taken now.", { "retry-after": "5" });
    }
  };
  return Object.assign(answer, {
    idle: async () => {
      await started;
      await inbox.idle();
    },
    close: () => inbox.close(),
  });
}

async function bodyOf(request: Request): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const same = async (one: string, two: string): Promise<boolean> => timingSafeEqual(await sha256(one), await sha256(two));
