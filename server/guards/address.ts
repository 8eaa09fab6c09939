import type { IncomingMessage } from "node:http";
import ipaddr from "ipaddr.js";

/**
 * Whom limits count for: an IPv4 address, or the /64 of an IPv6 one, since whoever has one of those has all of it (RFC 6177).
 * @param proxies how many proxies in front are the operator's own: each has added to `X-Forwarded-For` whom it saw, and what stands before
 * that is the caller's own word
 */
export function addressOf({ socket, headers }: IncomingMessage, proxies: number): string {
  const seen = proxies === 0 ? [] : String(headers["x-forwarded-for"] ?? "").split(",");
  const address = seen.at(-proxies)?.trim() || (socket.remoteAddress ?? "");
  if (!address.includes(":")) return address;
  if (!ipaddr.isValid(address)) return "";
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv4
    ? parsed.toString()
    : `${parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(":")}::/64`;
}
