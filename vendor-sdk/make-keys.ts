import { exportJWK, generateKeyPair, type JWK } from "jose";
import { CONSENT_TYPE } from "../protocol/authorization-details.ts";
import { thumbprint } from "../protocol/jws.ts";

/** A vendor's first keys: an Ed25519 key that signs, an X25519 key that customers seal to; both private, named by their thumbprints. */
export async function makeKeys(): Promise<JWK[]> {
  const pairs = await Promise.all([
    generateKeyPair("Ed25519", { extractable: true }),
    generateKeyPair("ECDH-ES+A256KW", { crv: "X25519", extractable: true }),
  ]);
  const [signing, encryption] = (await Promise.all(pairs.map(({ privateKey }) => exportJWK(privateKey)))) as [JWK, JWK];
  return [
    { ...signing, kid: await thumbprint(signing), use: "sig", alg: "Ed25519" },
    { ...encryption, kid: await thumbprint(encryption), use: "enc", alg: "ECDH-ES+A256KW" },
  ];
}

/** What `jwks_uri` serves: the public side of every signing key and of the encryption key in use, the first one. */
export function publicKeys(keys: readonly JWK[]): { keys: JWK[] } {
  const current = keys.find(({ use }) => use === "enc");
  const shown = keys.filter((key) => key.use === "sig" || key === current);
  return {
    keys: shown.map(
      ({ kty, crv, x, y, n, e, kid, use, alg }) => JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, kid, use, alg })) as JWK,
    ),
  };
}

/** What a client id metadata document says of you. */
export interface ClientFacts {
  /** The URL at which the document is served. */
  clientId: string;
  /** What customers know you as. */
  name: string;
  legalName: string;
  /** ISO 3166, two letters. */
  country: string;
  /** How to reach whoever answers for data protection: a mailto: or https: URL. */
  dpoContact: string;
  redirectUris: readonly string[];
  jwksUri: string;
}

/** A client id metadata document (RFC 7591 members and the protocol's own), to be served as JSON at `clientId`. */
export const clientMetadata = (facts: ClientFacts): Record<string, unknown> => ({
  client_id: facts.clientId,
  client_name: facts.name,
  client_uri: new URL("/", facts.clientId).href,
  legal_name: facts.legalName,
  country: facts.country,
  dpo_contact: facts.dpoContact,
  redirect_uris: facts.redirectUris,
  jwks_uri: facts.jwksUri,
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  response_types: ["code"],
  token_endpoint_auth_method: "private_key_jwt",
  dpop_bound_access_tokens: true,
  authorization_details_types: [CONSENT_TYPE],
});
