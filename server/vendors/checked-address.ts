import { lookup, Resolver } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { isLoopback } from "../loopback.ts";

/** Why a stranger's address was not called, in words for the vendor. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface AddressOptions {
  /** Whether it may be on this machine over http: only where the issuer itself is on it. */
  readonly loopback: boolean;
  readonly resolve?: Resolve;
}

const resolveByDns: Resolve = async (hostname) => {
  if (isLoopback(hostname)) return (await lookup(hostname, { all: true })).map(({ address }) => address);
  // Not through the system: getaddrinfo takes a thread of the pool, and four slow names would keep files waiting too.
  const names = new Resolver({ timeout: 2_000, tries: 2 });
  const found = await Promise.allSettled([names.resolve4(hostname), names.resolve6(hostname)]);
  const addresses = found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  if (addresses.length === 0) throw (found[0] as PromiseRejectedResult).reason;
  return addresses;
};

/** The addresses to connect to. @throws {FetchError} unless every address of this name may be called */
export async function checkedAddresses(url: URL, { loopback, resolve = resolveByDns }: AddressOptions): Promise<readonly string[]> {
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
  if (addresses.length === 0) throw new FetchError("the name has no address");
  for (const address of addresses) if (!mayCall(address, here)) throw new FetchError("the address is not a public one");
  return addresses;
}

/** Answers a connection's question for a name with addresses that were checked, whatever the name says by then. */
export function lookupOf(addresses: readonly string[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const [first] = found;
    if (all) callback(null, found);
    else callback(null, first?.address ?? "", first?.family);
  };
}

/** A resolver has its own patience, and a stranger's name server may use it up. @throws {FetchError} */
export async function inTime<Result>(ends: number, work: Promise<Result>): Promise<Result> {
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

export const tooLong = (): FetchError => new FetchError("the address took too long");

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
