import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressOptions, checkedAddresses, FetchError, inTime, lookupOf, tooLong } from "./checked-address.ts";

export interface FetchOptions extends AddressOptions {
  /** Milliseconds in all. */
  readonly timeout?: number;
}

const LONGEST = 65_536;
const TIMEOUT = 5_000;

/**
 * Fetches a JSON document whose address a stranger chose: no private address, no redirect, limits on size and time. The name is
 * resolved once and the connection goes to an address that was checked. @throws {FetchError}
 */
export async function fetchDocument(url: URL, options: FetchOptions): Promise<string> {
  const ends = performance.now() + (options.timeout ?? TIMEOUT);
  const addresses = await inTime(ends, checkedAddresses(url, options));
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(
      url,
      {
        method: "GET",
        agent: false,
        lookup: lookupOf(addresses),
        headers: { Accept: "application/json", "Accept-Encoding": "identity" },
      },
      (response) => {
        read(response).then(resolve, reject);
      },
    );
    const timer = setTimeout(() => request.destroy(tooLong()), Math.max(0, ends - performance.now()));
    request.on("close", () => clearTimeout(timer));
    request.on("error", (cause) => reject(cause instanceof FetchError ? cause : new FetchError("the address can't be reached", { cause })));
    request.end();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const stop = (reason: string): FetchError => {
    const error = new FetchError(reason);
    response.destroy();
    return error;
  };
  if (response.statusCode !== 200) throw stop("the address does not answer 200 (redirects are not followed)");
  if (!/^application\/([a-z0-9.-]+\+)?json\s*(;|$)/i.test(response.headers["content-type"] ?? ""))
    throw stop("the document is not application/json");
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LONGEST) throw stop("the document is too long");
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof FetchError ? cause : new FetchError("the answer broke off", { cause });
  }
  return Buffer.concat(chunks).toString();
}
