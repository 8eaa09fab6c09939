import { Refusal } from "#protocol/refusal.ts";

type Header = (name: string) => string | undefined;

/**
 * What the customer's app calls, only the customer's app may call: pages of other origins, and of other ports of this host, which
 * would send its cookie too, are refused. @throws {Refusal} `forbidden_origin`
 */
export function requireOwnOrigin(header: Header, method: string, issuer: string): void {
  const own = header("sec-fetch-site") === "same-origin" && (method === "GET" || header("origin") === issuer);
  if (!own) throw new Refusal("forbidden_origin", "Only the Counterfoil app itself may call this. Open it at its own address.");
}
