import { once } from "node:events";
import type { Server } from "node:http";
import type { JWK } from "jose";
import { type Adapter, type AdapterPayload, Provider } from "oidc-provider";

/**
 * oidc-provider in a process of its own, with the FAPI 2.0 profile, and in it what a customer's approval would have left behind: a grant with
 * its refresh token and an access token. Everything in memory, and all of it kept: its own adapter drops what is older than a thousand
 * entries, replayed proofs included.
 */
const { port, client, jkt, key } = JSON.parse(process.env.BENCH_ORACLE ?? "{}") as { port: number; client: JWK; jkt: string; key: JWK };
const issuer = `http://localhost:${port}`;
const SCOPE = "read";
const ACCOUNT = "ada";

const kept = new Map<string, AdapterPayload>();
class Memory implements Adapter {
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  async find(id: string) {
    return kept.get(`${this.#name}:${id}`);
  }
  async upsert(id: string, payload: AdapterPayload) {
    kept.set(`${this.#name}:${id}`, payload);
  }
  async destroy(id: string) {
    kept.delete(`${this.#name}:${id}`);
  }
  async findByUid() {
    return undefined;
  }
  async findByUserCode() {
    return undefined;
  }
  async consume() {}
  async revokeByGrantId() {}
}

const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [
    {
      client_id: "bench",
      application_type: "native",
      redirect_uris: ["http://127.0.0.1:4999/back"],
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [client] },
      dpop_bound_access_tokens: true,
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [{ ...key, kid: "provider", use: "sig", alg: "ES256" }] },
  scopes: ["openid", "offline_access", SCOPE],
  routes: { token: "/oauth/token", introspection: "/oauth/introspect", userinfo: "/me" },
  features: {
    devInteractions: { enabled: false },
    fapi: { enabled: true, profile: "2.0" },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    dPoP: { enabled: true },
    userinfo: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, by, token) => by.clientId === token.clientId },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: SCOPE,
        audience: resource,
        accessTokenFormat: resource.endsWith("/jwt") ? "jwt" : "opaque",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
  enabledJWA: { clientAuthSigningAlgValues: ["ES256"], dPoPSigningAlgValues: ["ES256"] },
  issueRefreshToken: async () => true,
  rotateRefreshToken: false,
  ttl: { AccessToken: 3600, RefreshToken: 86_400, Grant: 86_400 },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  cookies: { keys: ["bench"] },
});

const known = await provider.Client.find("bench");
if (known === undefined) throw new Error("the client is not there");
const grant = new provider.Grant({ accountId: ACCOUNT, clientId: "bench" });
const resources = { jwt: `${issuer}/jwt`, opaque: `${issuer}/opaque` };
grant.addOIDCScope("openid");
for (const resource of Object.values(resources)) grant.addResourceScope(resource, SCOPE);
const common = { accountId: ACCOUNT, client: known, grantId: await grant.save(), gty: "authorization_code" };
type RefreshParts = ConstructorParameters<typeof provider.RefreshToken>[0];
type AccessParts = ConstructorParameters<typeof provider.AccessToken>[0];
const refreshToken = new provider.RefreshToken({ ...common, scope: SCOPE, resource: Object.values(resources) } as RefreshParts);
const accessToken = new provider.AccessToken({ ...common, scope: "openid" } as AccessParts);
accessToken.jkt = jkt;
const said = { resources, refresh: await refreshToken.save(), access: await accessToken.save() };

const server = provider.listen(port, "localhost") as Server;
await once(server, "listening");
process.stdout.write(`${JSON.stringify(said)}\n`);
