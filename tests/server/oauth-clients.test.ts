import { exportJWK } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { expect, test } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { Clock } from "../support/clock.ts";
import type { TestVendor } from "../support/vendor.ts";
import { EMAIL, type Scene, scene } from "./scene.ts";

/** Time as it is: these clients have no other. */
class LiveClock extends Clock {
  override readonly now = (): number => Date.now();
}

const ALGORITHMS = ["Ed25519", "ES256", "PS256"] as const;
const MODES = ["start", "always"] as const;
const CASES = ALGORITHMS.flatMap((algorithm) => MODES.map((nonces) => [algorithm, nonces] as const));
const insecure = { [oauth.allowInsecureRequests]: true };

/** A vendor whose key set has a key of this algorithm, and the keys that a client by others holds. */
async function withKeys(at: Scene, algorithm: string): Promise<{ signing: CryptoKeyPair; dpop: CryptoKeyPair }> {
  const signing = await oauth.generateKeyPair(algorithm);
  const encryption = at.vendor.documents.jwks.keys.filter(({ use }) => use === "enc");
  const jwk = { ...(await exportJWK(signing.publicKey)), kid: "other", use: "sig", alg: algorithm };
  at.vendor.documents.jwks.keys = [jwk, ...encryption];
  return { signing, dpop: await oauth.generateKeyPair(algorithm) };
}

/** The customer says yes to whoever has come with this address, and goes back to the vendor. */
async function comeAndApprove({ customer }: Scene, address: URL): Promise<URL> {
  const arrival = await fetch(address, { redirect: "manual" });
  expect(arrival.status).toBe(303);
  const id = (arrival.headers.get("location") ?? "").replace("/ask/", "");
  const { redirect } = await customer.approve(id, { contents: { "profile/emails/e1": EMAIL } });
  return new URL(redirect);
}

const asked = (vendor: TestVendor): AuthorizationDetails => [vendor.ask({ paths: ["profile/emails"] })];

/** Once more with the nonce that the answer brought (RFC 9449, 8). */
async function withNonce<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return work();
  }
}

test.each(CASES)("oauth4webapi does all of it with %s keys, nonces: %s", async (algorithm, nonces) => {
  await using at = await scene({ clock: new LiveClock(), config: { nonces } });
  const { vendor, system } = at;
  const { signing, dpop } = await withKeys(at, algorithm);
  const issuer = new URL(system.issuer);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }));
  const resource = new URL(`${system.issuer}/api`);
  const rs = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, insecure));
  expect(rs.authorization_servers).toEqual([as.issuer]);
  const client: oauth.Client = { client_id: vendor.clientId };
  const auth = oauth.PrivateKeyJwt({ key: signing.privateKey, kid: "other" });
  const DPoP = oauth.DPoP(client, dpop);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();

  const pushed = await withNonce(async () =>
    oauth.processPushedAuthorizationResponse(
      as,
      client,
      await oauth.pushedAuthorizationRequest(
        as,
        client,
        auth,
        {
          response_type: "code",
          redirect_uri: vendor.redirectUri,
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
          state,
          authorization_details: JSON.stringify(asked(vendor)),
        },
        { DPoP, ...insecure },
      ),
    ),
  );
  const address = new URL(as.authorization_endpoint ?? "");
  address.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri }).toString();
  const parameters = oauth.validateAuthResponse(as, client, await comeAndApprove(at, address), state);
  const first = await withNonce(async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, auth, parameters, vendor.redirectUri, verifier, { DPoP, ...insecure }),
    ),
  );
  expect(first.token_type).toBe("dpop");

  const grant = String(first.grant_id);
  const url = new URL(vendor.recordsUrl(grant));
  const pull = (token: string) =>
    withNonce(() => oauth.protectedResourceRequest(token, "GET", url, undefined, null, { DPoP, ...insecure }));
  const page = (await (await pull(first.access_token)).json()) as { records: unknown[] };
  expect(page.records).toHaveLength(1);

  const seen = new Request(url, { headers: { authorization: `DPoP ${first.access_token}`, dpop: await vendor.proof("GET", url.href) } });
  await expect(oauth.validateJwtAccessToken(as, seen, `${system.issuer}/api`, insecure), "another key's proof").rejects.toThrow();
  const own = await proofOf(DPoP, url, first.access_token);
  const claims = await oauth.validateJwtAccessToken(as, own, `${system.issuer}/api`, { requireDPoP: true, ...insecure });
  expect(claims).toMatchObject({ client_id: client.client_id, grant_id: grant });

  const second = await withNonce(async () =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, first.refresh_token ?? "", { DPoP, ...insecure }),
    ),
  );
  expect((await pull(second.access_token)).status).toBe(200);

  for (const signed of [false, true]) {
    const answer = await oauth.introspectionRequest(as, client, auth, second.access_token, { requestJwtResponse: signed, ...insecure });
    expect(answer.headers.get("content-type")).toBe(signed ? "application/token-introspection+jwt" : "application/json");
    const told = await oauth.processIntrospectionResponse(as, client, answer);
    expect(told).toMatchObject({ active: true, client_id: client.client_id, grant_id: grant, token_type: "DPoP" });
    if (signed) await oauth.validateApplicationLevelSignature(as, answer, insecure);
  }

  const vendorOwn = await withNonce(async () =>
    oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: "ssf.read" }, { DPoP, ...insecure }),
    ),
  );
  expect(vendorOwn.scope).toBe("ssf.read");

  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, first.refresh_token ?? "", insecure));
  const after = await oauth.introspectionRequest(as, client, auth, second.access_token, insecure);
  expect(await oauth.processIntrospectionResponse(as, client, after)).toEqual({ active: false });
  await expect(pull(second.access_token)).rejects.toMatchObject({ cause: [{ scheme: "dpop", parameters: { error: "invalid_token" } }] });
});

/** A request with a proof as this handle makes it. */
async function proofOf(DPoP: oauth.DPoPHandle, url: URL, token: string): Promise<Request> {
  let request: Request | undefined;
  await oauth.protectedResourceRequest(token, "GET", url, undefined, null, {
    DPoP,
    ...insecure,
    [oauth.customFetch]: async (address, { headers, method }) => {
      request = new Request(address, { headers, method });
      return new Response("{}");
    },
  });
  return request ?? Promise.reject(new Error("nothing was sent"));
}

test.each(CASES)("openid-client does all of it with %s keys, nonces: %s", async (algorithm, nonces) => {
  await using at = await scene({ clock: new LiveClock(), config: { nonces } });
  const { vendor, system } = at;
  const { signing, dpop } = await withKeys(at, algorithm);
  const auth = openid.PrivateKeyJwt({ key: signing.privateKey, kid: "other" });
  const config = await openid.discovery(new URL(system.issuer), vendor.clientId, {}, auth, {
    algorithm: "oauth2",
    execute: [openid.allowInsecureRequests],
  });
  const DPoP = openid.getDPoPHandle(config, dpop);
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const address = await openid.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: vendor.redirectUri,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expectedState,
      authorization_details: JSON.stringify(asked(vendor)),
    },
    { DPoP },
  );
  const back = await comeAndApprove(at, address);
  const first = await openid.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState }, undefined, { DPoP });
  const grant = String(first.grant_id);
  const url = new URL(vendor.recordsUrl(grant));
  const pull = (token: string) => openid.fetchProtectedResource(config, token, url, "GET", undefined, undefined, { DPoP });
  expect((await pull(first.access_token)).status).toBe(200);
  const second = await openid.refreshTokenGrant(config, first.refresh_token ?? "", undefined, { DPoP });
  expect((await pull(second.access_token)).status).toBe(200);
  expect(await openid.tokenIntrospection(config, second.access_token)).toMatchObject({ active: true, grant_id: grant });
  expect(await openid.clientCredentialsGrant(config, { scope: "attest ssf.manage" }, { DPoP })).toMatchObject({
    scope: "ssf.manage attest",
  });
  await openid.tokenRevocation(config, first.refresh_token ?? "");
  expect(await openid.tokenIntrospection(config, second.access_token)).toEqual({ active: false });
  await expect(openid.refreshTokenGrant(config, first.refresh_token ?? "", undefined, { DPoP })).rejects.toMatchObject({
    error: "invalid_grant",
  });
});
