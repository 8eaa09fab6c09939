import { VENDOR_ALGORITHMS } from "#protocol/jws.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import type { TokenFacts } from "./access-token.ts";
import { ProofError } from "./dpop.ts";

/** A request that shows an access token. */
export interface Shown {
  readonly method: string;
  readonly path: string;
  readonly header: (name: string) => string | undefined;
  /** Headers that the answer gets. */
  readonly answer: Record<string, string>;
}

type Parts = Pick<Deps, "accessTokens" | "proofs" | "config">;

/** Whose token it is, and that its key made a proof for this request (RFC 9449, 7). @throws {Refusal} `invalid_token` */
export async function proveToken(parts: Parts, shown: Shown): Promise<TokenFacts> {
  const { issuer } = parts.config;
  const token = await tokenOf(parts, shown);
  const { method, path } = shown;
  try {
    const { jkt, nonce } = await parts.proofs.prove(shown.header("dpop"), { method, url: issuer + path, ath: token.hash });
    if (jkt !== token.jkt) throw new ProofError("the access token is bound to another key");
    if (nonce !== undefined) shown.answer["DPoP-Nonce"] = nonce;
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    throw invalidToken(issuer, `The DPoP proof is refused: ${error.message}.`, { error: error.code, nonce: error.nonce });
  }
  return token;
}

/** The scheme in any case (RFC 9110, 11.1), and nothing but a header (FAPI 2.0, 5.3.3). */
async function tokenOf({ accessTokens, config }: Parts, { header }: Shown): Promise<TokenFacts> {
  const [, scheme = "", token = ""] = /^(\S+)\s*(.*)$/.exec(header("authorization")?.trim() ?? "") ?? [];
  if (scheme.toLowerCase() !== "dpop") throw noToken(config.issuer);
  const facts = await accessTokens.find(token);
  if (facts === undefined) throw invalidToken(config.issuer, "This access token is not known here or has ended. Get a new one.");
  return facts;
}

/** @param error code of RFC 6750 or RFC 9449 for the challenge */
export const invalidToken = (
  issuer: string,
  detail: string,
  { error = "invalid_token", nonce }: { error?: string; nonce?: string | undefined } = {},
): Refusal =>
  new Refusal("invalid_token", detail, {
    extra: { error, challenge: challenge(issuer, { error }), ...(nonce === undefined ? {} : { dpopNonce: nonce }) },
  });

/** Who shows nothing learns how to, and is not told of a fault (RFC 6750, 3.1). */
const noToken = (issuer: string): Refusal =>
  new Refusal("invalid_token", "This takes an access token: Authorization: DPoP, with a DPoP proof.", {
    extra: { error: "invalid_token", challenge: challenge(issuer, {}) },
  });

/** RFC 9449, 7.1, with RFC 9728, 5.1. */
export const challenge = (issuer: string, parameters: Record<string, string>): string => {
  const all = {
    ...parameters,
    algs: VENDOR_ALGORITHMS.join(" "),
    resource_metadata: `${issuer}/.well-known/oauth-protected-resource/api`,
  };
  return `DPoP ${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ")}`;
};
