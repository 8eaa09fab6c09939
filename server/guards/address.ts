import type { IncomingMessage } from "node:http";
import ipaddr from "ipaddr.js";

/**
 * Whom limits count for: an IPv4 address, or the /64 of an IPv6 one, since whoever has one of those has all of it (RFC 6177).
 */
export function addressOf({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? "";
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
