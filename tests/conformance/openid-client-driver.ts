import { exportJWK } from "jose";
import { generateKeyPair } from "oauth4webapi";
import * as client from "openid-client";
import { serveDocuments } from "./documents.ts";
import type { Driver, Pulled } from "./driver.ts";
import { acceptsAccessToken } from "./oauth4webapi-driver.ts";
import { askForEmail } from "./suite-client.ts";

/** openid-client: what most people who write a vendor in JavaScript would use. It asks again with a nonce by itself. */
export async function openidClientDriver(issuer: string, alg: "Ed25519" | "ES256"): Promise<Driver> {
  const signing = await generateKeyPair(alg);
  const documents = await serveDocuments({ ...(await exportJWK(signing.publicKey)), alg }, `Bottega ${alg} B`);
  const proven = client.PrivateKeyJwt({ key: signing.privateKey, kid: "s1" });
  let nonces = 0;
  // Seen from outside: an answer that asks for a nonce, after which it sends once more.
  let pulled: Request | undefined;
  const counting: client.CustomFetch = async (url, options) => {
    const { method, headers } = options;
    if (method === "GET" && "authorization" in headers) pulled = new Request(url, { method, headers });
    const response = await fetch(url, options as RequestInit);
    const body = response.status === 400 ? await response.clone().text() : "";
    if (/use_dpop_nonce/.test(body + (response.headers.get("www-authenticate") ?? ""))) nonces++;
    return response;
  };
  const discover = (metadata: Partial<client.ClientMetadata>): Promise<client.Configuration> =>
    client.discovery(new URL(issuer), documents.clientId, metadata, proven, {
      algorithm: "oauth2",
      execute: [client.allowInsecureRequests],
      [client.customFetch]: counting,
    });
  const config = await discover({});
  const signed = await discover({ introspection_signed_response_alg: "Ed25519" });
  client.enableNonRepudiationChecks(signed);
  const dpop = { DPoP: client.getDPoPHandle(config, await generateKeyPair(alg)) };
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  return {
    name: `openid-client, ${alg}`,
    documents,
    nonces: () => nonces,
    async begin() {
      const parameters = {
        redirect_uri: documents.redirectUri,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        authorization_details: JSON.stringify([askForEmail(Date.now())]),
      };
      return client.buildAuthorizationUrlWithPAR(config, parameters, dpop);
    },
    async redeem(back) {
      const checks = { pkceCodeVerifier: verifier, expectedState: state };
      const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, dpop);
      return { access: tokens.access_token, refresh: tokens.refresh_token ?? "", grant: String(tokens.grant_id) };
    },
    async pull(access, url) {
      const response = await client.fetchProtectedResource(config, access, url, "GET", undefined, undefined, dpop);
      return (await response.json()) as Pulled;
    },
    refresh: async (token) => (await client.refreshTokenGrant(config, token, undefined, dpop)).access_token,
    introspect: (token) => client.tokenIntrospection(config, token),
    introspectSigned: (token) => client.tokenIntrospection(signed, token),
    revoke: (token) => client.tokenRevocation(config, token),
    accepted: () => acceptsAccessToken(config.serverMetadata(), pulled, `${issuer}/api`),
    [Symbol.asyncDispose]: () => documents[Symbol.asyncDispose](),
  };
}
