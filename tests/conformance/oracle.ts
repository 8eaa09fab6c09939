import { once } from "node:events";
import type { Server } from "node:http";
import { Provider } from "oidc-provider";
import { CONSENT_TYPE } from "#protocol/authorization-details.ts";
import type { Clock } from "../support/clock.ts";
import { freePort } from "../support/free-port.ts";
import type { Bench } from "./bench.ts";
import { type Algorithm, SuiteClient } from "./suite-client.ts";
import { send } from "./wire.ts";

/**
 * oidc-provider with the FAPI 2.0 profile, PAR, DPoP, private_key_jwt and rich authorization requests, at the same paths as this server, so
 * that the same client sends the same requests to both. Its clock is the process's own: `pass` must move that.
 */
export async function openOracle(alg: Algorithm, clock: Clock, pass: Bench["pass"]): Promise<Bench> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const clients = [
    await SuiteClient.start({ issuer, now: clock.now, alg }),
    await SuiteClient.start({ issuer, now: clock.now, alg }),
  ] as const;
  for (const client of clients) {
    client.always = { scope: "openid" };
    // Its userinfo endpoint stands in for a grant's records: the one resource that it protects itself.
    client.resource = `${issuer}/me`;
  }
  const provider = new Provider(issuer, {
    clients: clients.map(({ clientId, documents }) => ({
      client_id: clientId,
      // Its rule for http: loopback addresses of native applications (FAPI 2.0, 5.3.2.2).
      application_type: "native",
      redirect_uris: documents.said.metadata.redirect_uris as string[],
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: documents.said.jwks.keys.filter(({ use }) => use === "sig") },
      dpop_bound_access_tokens: true,
      authorization_details_types: [CONSENT_TYPE],
      id_token_signed_response_alg: "ES256",
    })),
    jwks: { keys: [{ ...clients[0].key.secret, kid: "provider" }] },
    routes: {
      authorization: "/oauth/authorize",
      pushed_authorization_request: "/oauth/par",
      token: "/oauth/token",
      introspection: "/oauth/introspect",
      revocation: "/oauth/revoke",
      userinfo: "/me",
    },
    features: {
      devInteractions: { enabled: false },
      fapi: { enabled: true, profile: "2.0" },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      dPoP: { enabled: true },
      userinfo: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId },
      // It takes rich requests only for a named resource; tokens of the scope openid are still its userinfo endpoint's.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `${issuer}/api`,
        getResourceServerInfo: () => ({ scope: "" }),
        useGrantedResource: () => false,
      },
      richAuthorizationRequests: {
        enabled: true,
        types: { [CONSENT_TYPE]: { validate: () => undefined } },
        authorizationDetailsForGrantSource: (ctx) => JSON.parse(String(ctx.oidc.params?.authorization_details)),
        authorizationDetailsForAccessToken: (_ctx, _token, source) => source?.rar,
        authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
      },
    },
    enabledJWA: {
      clientAuthSigningAlgValues: ["ES256", "PS256", "EdDSA", "Ed25519"],
      dPoPSigningAlgValues: ["ES256", "PS256", "EdDSA", "Ed25519"],
    },
    clientBasedCORS: () => false,
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    rotateRefreshToken: false,
    ttl: { AuthorizationCode: 60, AccessToken: 300 },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    cookies: { keys: ["oracle"] },
  });
  // Its person says yes at once.
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith("/interaction/")) return next();
    const { params } = await provider.interactionDetails(ctx.req, ctx.res);
    const grant = new provider.Grant({ accountId: "ada", clientId: String(params.client_id) });
    grant.addOIDCScope("openid");
    for (const detail of JSON.parse(String(params.authorization_details))) grant.addRar(detail);
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: "ada" }, consent: { grantId: await grant.save() } });
    ctx.respond = false;
  });
  const server = provider.listen(port, "localhost") as Server;
  await once(server, "listening");
  return {
    issuer,
    clock,
    first: clients[0],
    second: clients[1],
    pass,
    agree: (client, requestUri, request) => browse(client, requestUri, request),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      for (const client of clients) await client[Symbol.asyncDispose]();
    },
  };
}

/** A browser with cookies, as far as redirects go on this origin. */
async function browse(client: SuiteClient, requestUri: string, request: Record<string, string>): Promise<URL> {
  const cookies = new Map<string, string>();
  let answer = await client.visit(requestUri, request);
  for (let hops = 0; hops < 6; hops++) {
    for (const cookie of answer.headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const to = new URL(answer.headers.location ?? "about:blank", client.issuer);
    if (to.origin !== client.issuer) return to;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    answer = await send({ method: "GET", url: to.href, headers: { cookie } });
  }
  throw new Error(`the oracle answered ${answer.status}: ${answer.text.slice(0, 200)}`);
}
