import * as v from "valibot";
import { CounterfoilError } from "./error.ts";
import type { Party } from "./party.ts";
import { refused } from "./refused.ts";

/** What the SDK reads of RFC 8414 metadata; whatever else stands there is ignored. */
const Metadata = v.object({
  issuer: v.string(),
  authorization_endpoint: v.pipe(v.string(), v.url()),
  token_endpoint: v.pipe(v.string(), v.url()),
  pushed_authorization_request_endpoint: v.pipe(v.string(), v.url()),
  revocation_endpoint: v.optional(v.pipe(v.string(), v.url())),
  code_challenge_methods_supported: v.array(v.string()),
  authorization_response_iss_parameter_supported: v.literal(true),
});
export type Metadata = v.InferOutput<typeof Metadata>;

const HOUR = 3_600_000;

/** Whether a URL leads to this very machine. */
export const isLoopback = ({ hostname }: URL): boolean => hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
/** https, or http to this very machine. */
export const isSafeUrl = (url: URL): boolean => url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));

/** RFC 8414, 3: the well-known part stands between host and path. */
export function metadataUrl(issuer: string): string {
  const url = new URL(issuer);
  return `${url.origin}/.well-known/oauth-authorization-server${url.pathname === "/" ? "" : url.pathname}`;
}

/**
 * The server's metadata, kept for an hour. Endpoints come from this document alone (FAPI 2.0, 5.3.3.1), whose issuer must be the one
 * that the vendor named (RFC 8414, 3.3: mix-up defence).
 */
export function discovery(party: Party): (signal?: AbortSignal) => Promise<Metadata> {
  let known: { metadata: Metadata; until: number } | undefined;
  return async (signal) => {
    if (known !== undefined && party.now() < known.until) return known.metadata;
    const answer = await party.http({
      name: "discovery",
      method: "GET",
      url: metadataUrl(party.server),
      repeatable: true,
      signal,
      prepare: async () => ({ headers: {} }),
    });
    if (answer.status !== 200) throw refused(answer, "discovery", party.now());
    const parsed = v.safeParse(Metadata, answer.body);
    if (!parsed.success) throw new CounterfoilError("invalid", "the server's metadata lack what this SDK needs", { reason: "metadata" });
    const metadata = parsed.output;
    if (metadata.issuer !== party.server)
      throw new CounterfoilError("integrity", "the metadata are another issuer's", { reason: "issuer" });
    const endpoints = [
      metadata.authorization_endpoint,
      metadata.token_endpoint,
      metadata.pushed_authorization_request_endpoint,
      metadata.revocation_endpoint,
    ];
    if (!endpoints.every((each) => each === undefined || isSafeUrl(new URL(each))))
      throw new CounterfoilError("integrity", "an endpoint in the metadata is not https", { reason: "endpoint" });
    if (!metadata.code_challenge_methods_supported.includes("S256"))
      throw new CounterfoilError("invalid", "the server offers no PKCE with S256", { reason: "metadata" });
    known = { metadata, until: party.now() + HOUR };
    return metadata;
  };
}
