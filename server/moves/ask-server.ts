import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressOptions, checkedAddresses, FetchError, inTime, lookupOf, tooLong } from "../vendors/checked-address.ts";

export interface AskOptions extends AddressOptions {
  /** Characters of an answer, at most. */
  readonly most: number;
  /** Milliseconds in all. */
  readonly timeout: number;
}

/** What another server answered: JSON, whatever it says. */
export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Posts JSON to another server under the same checks as `fetchDocument`: its address came from a customer, who is a stranger to this
 * server's network. @throws {FetchError}
 */
export async function askServer(url: URL, body: unknown, options: AskOptions): Promise<ServerAnswer> {
  const ends = performance.now() + options.timeout;
  const addresses = await inTime(ends, checkedAddresses(url, options));
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(
      url,
      {
        method: "POST",
        agent: false,
        lookup: lookupOf(addresses),
        headers: {
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(text),
          Accept: "application/json",
          "Accept-Encoding": "identity",
        },
      },
      (response) => {
        read(response, options.most).then(resolve, reject);
      },
    );
    const timer = setTimeout(() => request.destroy(tooLong()), Math.max(0, ends - performance.now()));
    request.on("close", () => clearTimeout(timer));
    request.on("error", (cause) => reject(cause instanceof FetchError ? cause : new FetchError("the address can't be reached", { cause })));
    request.end(text);
  });
}

async function read(response: IncomingMessage, most: number): Promise<ServerAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) {
        response.destroy();
        throw new FetchError("the answer is too long");
      }
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof FetchError ? cause : new FetchError("the answer broke off", { cause });
  }
  try {
    return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) as unknown };
  } catch (cause) {
    throw new FetchError("the answer is not JSON", { cause });
  }
}
