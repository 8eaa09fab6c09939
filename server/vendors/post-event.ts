import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { type AddressOptions, checkedAddresses, FetchError, inTime, lookupOf, tooLong } from "./checked-address.ts";

/** How a receiver took a security event token (RFC 8935, 2). */
export type PushAnswer =
  | { readonly taken: true }
  /** It refuses this one (2.3): `err` as it said. */
  | { readonly taken: false; readonly err: string }
  /** Nothing is known of it, or it is not the token's fault. `retryAfter`: milliseconds. */
  | { readonly taken: undefined; readonly why: string; readonly retryAfter?: number };

export interface PushOptions extends AddressOptions {
  /** Milliseconds in all. */
  readonly timeout?: number;
  /** Of the receiver's choice (SSF 1.0, 6.1.1). */
  readonly authorization: string | null;
  readonly signal?: AbortSignal;
}

const LONGEST = 16_384;
const TIMEOUT = 15_000;
const IDLE = 30_000;

/** A receiver's connections, kept for its next events. */
export class Pushes {
  readonly #url: URL;
  readonly #agent: HttpAgent;

  constructor(url: URL, most: number) {
    this.#url = url;
    const options = { keepAlive: true, maxSockets: most, maxFreeSockets: most, timeout: IDLE };
    this.#agent = url.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /**
   * Posts a token under the same checks as `fetchDocument`, every time: a connection that is kept goes to an address that was
   * checked when it was made.
   */
  async post(token: string, options: PushOptions): Promise<PushAnswer> {
    const ends = performance.now() + (options.timeout ?? TIMEOUT);
    try {
      const addresses = await inTime(ends, checkedAddresses(this.#url, options));
      try {
        return await this.#send(token, addresses, ends, options);
      } catch (error) {
        // The receiver had closed a connection that was kept: it says nothing about the receiver.
        if (!(error instanceof StaleConnection)) throw error;
        return await this.#send(token, addresses, ends, options);
      }
    } catch (error) {
      if (error instanceof FetchError) return { taken: undefined, why: error.message };
      if (error instanceof StaleConnection) return { taken: undefined, why: "the address can't be reached" };
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(token: string, addresses: readonly string[], ends: number, { authorization, signal }: PushOptions): Promise<PushAnswer> {
    return new Promise((resolve, reject) => {
      const send = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
      const request = send(
        this.#url,
        {
          method: "POST",
          agent: this.#agent,
          lookup: lookupOf(addresses),
          headers: {
            "Content-Type": "application/secevent+jwt",
            "Content-Length": Buffer.byteLength(token),
            Accept: "application/json",
            "Accept-Encoding": "identity",
            ...(authorization === null ? {} : { Authorization: authorization }),
          },
        },
        (response) => {
          answerOf(response).then(resolve, reject);
        },
      );
      const stop = (): void => void request.destroy(new FetchError("the server is stopping"));
      const timer = setTimeout(() => request.destroy(tooLong()), Math.max(0, ends - performance.now()));
      signal?.addEventListener("abort", stop, { once: true });
      request.on("close", () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
      });
      request.on("error", (cause: NodeJS.ErrnoException) => {
        if (cause instanceof FetchError) reject(cause);
        else if (request.reusedSocket && (cause.code === "ECONNRESET" || cause.code === "EPIPE")) reject(new StaleConnection());
        else reject(new FetchError("the address can't be reached", { cause }));
      });
      if (signal?.aborted) stop();
      else request.end(token);
    });
  }
}

class StaleConnection extends Error {}

async function answerOf(response: IncomingMessage): Promise<PushAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (status === 202) {
    // The status says it all; what follows is bounded by the request's time.
    response.on("error", () => {}).resume();
    return { taken: true };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LONGEST) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new FetchError("the answer broke off", { cause });
  }
  const err = status === 400 ? errOf(Buffer.concat(chunks).toString()) : undefined;
  if (err !== undefined) return { taken: false, err };
  const seconds = Number(headers["retry-after"]);
  return {
    taken: undefined,
    why: `the address answered ${status}, not 202`,
    ...(Number.isInteger(seconds) && seconds > 0 ? { retryAfter: seconds * 1000 } : {}),
  };
}

function errOf(text: string): string | undefined {
  try {
    const { err } = JSON.parse(text) as { err?: unknown };
    return typeof err === "string" && err.length <= 100 ? err : undefined;
  } catch {
    return undefined;
  }
}
