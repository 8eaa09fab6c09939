import { exportJWK } from "jose";
import * as oauth from "oauth4webapi";
import { type Documents, serveDocuments } from "./documents.ts";
import type { Driver, Pulled } from "./driver.ts";
import { askForEmail } from "./suite-client.ts";

// The test's server is on this machine, without TLS.
const insecure = { [oauth.allowInsecureRequests]: true } as const;

/** oauth4webapi: each step by hand, as its example of FAPI 2.0 does it. */
export async function oauth4webapiDriver(issuer: string, alg: "Ed25519" | "ES256"): Promise<Driver> {
  const signing = await oauth.generateKeyPair(alg);
  const dpopKeys = await oauth.generateKeyPair(alg);
  const documents: Documents = await serveDocuments({ ...(await exportJWK(signing.publicKey)), alg }, `Bottega ${alg} A`);
  const client: oauth.Client = { client_id: documents.clientId };
  const proven = oauth.PrivateKeyJwt({ key: signing.privateKey, kid: "s1" });
  const DPoP = oauth.DPoP(client, dpopKeys);
  const options = { ...insecure, DPoP };
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const as = await oauth.processDiscoveryResponse(
    new URL(issuer),
    await oauth.discoveryRequest(new URL(issuer), { ...insecure, algorithm: "oauth2" }),
  );
  const resource = new URL(`${issuer}/api`);
  const rs = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, insecure));
  let nonces = 0;
  let pulled: Request | undefined;

  /** Once more, with the nonce that it has remembered by then (RFC 9449, 8). */
  async function answered<Result>(request: () => Promise<Response>, read: (response: Response) => Promise<Result>): Promise<Result> {
    try {
      return await read(await request());
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      nonces++;
      return read(await request());
    }
  }

  return {
    name: `oauth4webapi, ${alg}`,
    documents,
    nonces: () => nonces,
    async begin() {
      const parameters = {
        response_type: "code",
        redirect_uri: documents.redirectUri,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        authorization_details: JSON.stringify([askForEmail(Date.now())]),
      };
      const { request_uri } = await answered(
        () => oauth.pushedAuthorizationRequest(as, client, proven, parameters, options),
        (response) => oauth.processPushedAuthorizationResponse(as, client, response),
      );
      const url = new URL(as.authorization_endpoint ?? "");
      url.searchParams.set("client_id", documents.clientId);
      url.searchParams.set("request_uri", request_uri);
      return url;
    },
    async redeem(back) {
      const answer = oauth.validateAuthResponse(as, client, back, state);
      const tokens = await answered(
        () => oauth.authorizationCodeGrantRequest(as, client, proven, answer, documents.redirectUri, verifier, options),
        (response) => oauth.processAuthorizationCodeResponse(as, client, response, { requireIdToken: false }),
      );
      return { access: tokens.access_token, refresh: tokens.refresh_token ?? "", grant: String(tokens.grant_id) };
    },
    pull: (access, url) =>
      answered(
        () =>
          oauth.protectedResourceRequest(access, "GET", url, undefined, undefined, {
            ...options,
            [oauth.customFetch]: (to, { method, headers }) => {
              pulled = new Request(to, { method, headers });
              return fetch(pulled.clone());
            },
          }),
        async (response) => (await response.json()) as Pulled,
      ),
    async refresh(token) {
      const tokens = await answered(
        () => oauth.refreshTokenGrantRequest(as, client, proven, token, options),
        (response) => oauth.processRefreshTokenResponse(as, client, response),
      );
      return tokens.access_token;
    },
    async introspect(token) {
      const response = await oauth.introspectionRequest(as, client, proven, token, { ...insecure, requestJwtResponse: false });
      return oauth.processIntrospectionResponse(as, client, response);
    },
    async introspectSigned(token) {
      const response = await oauth.introspectionRequest(as, client, proven, token, { ...insecure, requestJwtResponse: true });
      const signed: oauth.Client = { ...client, introspection_signed_response_alg: "Ed25519" };
      const read = await oauth.processIntrospectionResponse(as, signed, response);
      await oauth.validateApplicationLevelSignature(as, response, insecure);
      return read;
    },
    async revoke(token) {
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, proven, token, insecure));
    },
    accepted: () => acceptsAccessToken(as, pulled, rs.resource),
    [Symbol.asyncDispose]: () => documents[Symbol.asyncDispose](),
  };
}

/** The claims of a request's access token, as a resource server by oauth4webapi's authors would take it (RFC 9068, RFC 9449). */
export const acceptsAccessToken = (
  as: oauth.AuthorizationServer,
  request: Request | undefined,
  audience: string,
): Promise<oauth.JWTAccessTokenClaims> =>
  oauth.validateJwtAccessToken(as, request ?? new Request(audience), audience, {
    ...insecure,
    requireDPoP: true,
    signingAlgorithms: ["Ed25519", "ES256", "PS256"],
  });
