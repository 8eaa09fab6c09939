import { lookup } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { isLoopback } from "../config.ts";

/** Why a vendor's document was not fetched, in words for the vendor. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface FetchOptions {
  /** Whether documents may come from this machine over http: only where the issuer itself is on it. */
  readonly loopback: boolean;
  readonly resolve?: Resolve;
  /** Milliseconds in all. */
  readonly timeout?: number;
}

const LONGEST = 65_536;
const TIMEOUT = 5_000;

const resolveByDns: Resolve = async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * Fetches a JSON document whose address a stranger chose: no private address, no redirect, limits on size and time. The name is
 * resolved once and the connection goes to the address that was checked. @throws {FetchError}
 */
export async function fetchDocument(url: URL, options: FetchOptions): Promise<string> {
  const ends = performance.now() + (options.timeout ?? TIMEOUT);
  const address = await before(ends, checkedAddress(url, options));
  return new Promise((resolve, reject) => {
    const answered: LookupFunction = (_hostname, { all }, callback) => {
      const family = isIP(address);
      if (all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    };
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(
      url,
      { method: "GET", agent: false, lookup: answered, headers: { Accept: "application/json", "Accept-Encoding": "identity" } },
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

const tooLong = (): FetchError => new FetchError("the address took too long");

/** A resolver has its own patience, and a stranger's name server may use it up. */
async function before<Result>(ends: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooLong()), Math.max(0, ends - performance.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
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

/** The address to connect to. @throws {FetchError} unless every address of this name may be called */
export async function checkedAddress(url: URL, { loopback, resolve = resolveByDns }: FetchOptions): Promise<string> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const here = loopback && isLoopback(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && here)) throw new FetchError("https is needed");
  if (url.username !== "" || url.password !== "" || url.hash !== "")
    throw new FetchError("the address has a user, a password or a fragment");
  let addresses: readonly string[];
  try {
    addresses = isIP(hostname) ? [hostname] : await resolve(hostname);
  } catch (cause) {
    throw new FetchError("the name is not known", { cause });
  }
  const [first] = addresses;
  if (first === undefined) throw new FetchError("the name has no address");
  for (const address of addresses) if (!mayCall(address, here)) throw new FetchError("the address is not a public one");
  return first;
}

/** All that is routed of IPv6 (RFC 4291, 2.4; IANA): so not `::127.0.0.1` either. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/** Public unicast only; this machine only by its own names. */
function mayCall(address: string, here: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (here) return range === "loopback";
  return range === "unicast" && (parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST));
}
