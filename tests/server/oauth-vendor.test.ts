import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { SCOPES } from "#protocol/scopes.ts";
import type { Config } from "../../server/configuration/config.ts";
import { digest } from "../../server/digest.ts";
import type { VendorToken } from "../../server/guards/access-token.ts";
import { holds } from "../../server/guards/vendor-token.ts";
import { MINUTE } from "../support/clock.ts";
import { makeDpopKey, TestVendor } from "../support/vendor.ts";
import { connect, problemOf, refusal, type Scene, scene } from "./scene.ts";

const own = (vendor: TestVendor, change: Record<string, string> = {}) =>
  vendor.token({ grant_type: "client_credentials", scope: "grant_management_query", ...change });

const grantUrl = ({ system }: Scene, grant = "A".repeat(22)): string => `${system.issuer}/oauth/grants/${grant}`;

/** Asks for a grant that isn't there: 404 says that the token was good. */
async function ask(at: Scene, token: string, change: { proof?: string; authorization?: string; method?: string } = {}): Promise<Response> {
  const url = grantUrl(at);
  const method = change.method ?? "GET";
  return fetch(url, {
    method,
    headers: {
      authorization: change.authorization ?? `DPoP ${token}`,
      dpop: change.proof ?? (await at.vendor.proof(method, url, token)),
    },
  });
}

describe("a vendor's own token", () => {
  test("is good for the scopes that it was asked for, and names nobody but the vendor", async () => {
    await using at = await scene();
    const { status, body } = await own(at.vendor, { scope: "ssf.read attest ssf.read" });
    expect({ status, body }).toEqual({
      status: 200,
      body: { access_token: expect.any(String), token_type: "DPoP", expires_in: 300, scope: "ssf.read attest" },
    });
    expect(decodeJwt(body.access_token)).toMatchObject({
      iss: at.system.issuer,
      aud: `${at.system.issuer}/api`,
      sub: at.vendor.clientId,
      client_id: at.vendor.clientId,
      scope: "ssf.read attest",
      cnf: { jkt: expect.any(String) },
    });
    expect((await own(at.vendor, { scope: SCOPES.join(" ") })).status).toBe(200);
  });

  test.each([
    ["no scope", { scope: "" }, "invalid_scope"],
    ["an unknown scope", { scope: "openid" }, "invalid_scope"],
    ["a known and an unknown one", { scope: "attest admin" }, "invalid_scope"],
    ["a scope in other letters", { scope: "ATTEST" }, "invalid_scope"],
    ["details that only a customer grants", { authorization_details: "[]" }, "invalid_authorization_details"],
    ["another resource", { resource: "https://other.example" }, "invalid_target"],
  ])("is refused for %s", async (_name, change, error) => {
    await using at = await scene();
    expect(await own(at.vendor, change)).toMatchObject({ status: 400, body: { error } });
  });

  test("opens what its scope is for, and nothing else", async () => {
    await using at = await scene();
    const { access_token: query } = (await own(at.vendor)).body;
    expect(await problemOf(await ask(at, query))).toMatchObject({ status: 404, code: "not_found" });
    const refused = await ask(at, query, { method: "DELETE" });
    expect(refused.headers.get("www-authenticate")).toContain('DPoP error="insufficient_scope", scope="grant_management_revoke"');
    expect(await problemOf(refused)).toMatchObject({ status: 403, code: "insufficient_scope" });
    const { grant, tokens } = await connect(at);
    await expect(at.vendor.pull(query, grant.grant), "reads nobody's data").rejects.toMatchObject(refusal("invalid_token"));
    expect(await problemOf(await ask(at, tokens.access_token)), "a grant's token is not the vendor's").toMatchObject({
      status: 401,
      code: "invalid_token",
    });
  });

  test("comes with a proof of its key, by whichever case the scheme is written", async () => {
    await using at = await scene();
    const { access_token: token } = (await own(at.vendor)).body;
    for (const scheme of ["dpop", "DPOP", "DPoP"]) expect((await ask(at, token, { authorization: `${scheme} ${token}` })).status).toBe(404);
    const right = at.vendor.dpop;
    at.vendor.dpop = await makeDpopKey();
    const stolen = await at.vendor.proof("GET", grantUrl(at), token);
    at.vendor.dpop = right;
    const table: Array<[string, Parameters<typeof ask>[2], string]> = [
      ["another key", { proof: stolen }, "invalid_dpop_proof"],
      ["no token's hash", { proof: await at.vendor.proof("GET", grantUrl(at)) }, "invalid_dpop_proof"],
      ["another address", { proof: await at.vendor.proof("GET", `${grantUrl(at)}x`, token) }, "invalid_dpop_proof"],
      ["no proof", { proof: "" }, "invalid_dpop_proof"],
      ["two proofs", { proof: `${await at.vendor.proof("GET", grantUrl(at), token)}, x` }, "invalid_dpop_proof"],
      ["another token", { authorization: "DPoP x" }, "invalid_token"],
      ["two tokens", { authorization: `DPoP ${token} ${token}` }, "invalid_token"],
    ];
    for (const [name, change, error] of table) {
      const response = await ask(at, token, change);
      expect({ name, status: response.status }).toEqual({ name, status: 401 });
      expect(response.headers.get("www-authenticate"), name).toContain(`DPoP error="${error}"`);
    }
    for (const authorization of [`Bearer ${token}`, `Basic ${token}`, ""]) {
      const response = await ask(at, token, { authorization });
      expect(response.status).toBe(401);
      const challenge = response.headers.get("www-authenticate") ?? "";
      expect(challenge, "who shows no token is not told of a fault").toMatch(/^DPoP algs="[^"]+", resource_metadata="[^"]+"$/);
      const metadata = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "";
      expect((await fetch(metadata)).status).toBe(200);
    }
    const query = await fetch(`${grantUrl(at)}?access_token=${token}`, {
      headers: { dpop: await at.vendor.proof("GET", grantUrl(at), token) },
    });
    expect(query.status).toBe(401);
  });

  test("ends after five minutes, by its revocation, and with the process that gave it", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { access_token: first } = (await own(at.vendor)).body;
    const { access_token: second } = (await own(at.vendor)).body;
    const told = async (token: string) => (await at.vendor.form<{ active: boolean }>("/oauth/introspect", { token })).body;
    expect(await told(first)).toMatchObject({ active: true, sub: at.vendor.clientId, scope: "grant_management_query", token_type: "DPoP" });
    expect((await other.form("/oauth/introspect", { token: first })).body).toEqual({ active: false });
    await other.form("/oauth/revoke", { token: first });
    expect((await ask(at, first)).status, "another's word").toBe(404);
    expect((await at.vendor.form("/oauth/revoke", { token: first })).status).toBe(200);
    expect((await ask(at, first)).status).toBe(401);
    expect(await told(first)).toEqual({ active: false });
    expect((await ask(at, second)).status, "the other one").toBe(404);
    at.system.clock.pass(5 * MINUTE);
    expect((await ask(at, second)).status).toBe(401);
    expect(await told(second)).toEqual({ active: false });
  });
});

test("a restart, which forgets what was revoked, and the operator's list end a vendor's own tokens", async () => {
  const vendor = "https://shop.example/client.json";
  const token: VendorToken = {
    hash: "",
    jti: "j",
    subject: vendor,
    clientId: vendor,
    jkt: "",
    iat: 1000,
    exp: 1300,
    grant: null,
    scopes: ["attest"],
  };
  const storage = { getTicket: async () => undefined } as unknown as Parameters<typeof holds>[0]["storage"];
  const under = (started: number, clients: Config["clients"]) => holds({ storage, started, config: { clients } as Config }, token);
  expect(await under(1_000_999, "open")).toBe(true);
  expect(await under(1_001_000, "open")).toBe(false);
  expect(await under(0, new Set([vendor]))).toBe(true);
  expect(await under(0, new Set(["https://other.example/client.json"]))).toBe(false);
});

describe("a request to replace a grant", () => {
  const replace = (vendor: TestVendor, grant: string) =>
    vendor.par([vendor.ask({ paths: ["profile/name"] })], { grant_management_action: "replace", grant_id: grant });

  test("names a grant of this vendor that stands", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { grant } = await connect(at);
    const { body } = await replace(at.vendor, grant.grant);
    const arrival = await at.vendor.authorize(body.request_uri);
    const id = (arrival.headers.get("location") ?? "").replace("/ask/", "");
    expect(await at.customer.api.call("request", { id })).toMatchObject({ replaces: grant.grant });
    await at.customer.api.call("pause", { id: grant.grant });
    expect((await replace(at.vendor, grant.grant)).status, "a paused one").toBe(201);

    const refused = { status: 400, body: { error: "invalid_grant_id" } };
    expect(await replace(other, grant.grant), "another vendor's").toMatchObject(refused);
    expect(await replace(at.vendor, "A".repeat(22)), "one that never was").toMatchObject(refused);
    expect(await replace(at.vendor, "../x"), "none at all").toMatchObject(refused);
    await at.customer.revoke(grant.grant);
    const ended = await replace(at.vendor, grant.grant);
    expect(ended).toMatchObject(refused);
    expect(ended.body.error_description, "and all of them in the same words").toBe(
      (await replace(at.vendor, "A".repeat(22))).body.error_description,
    );
  });

  test("is refused for as long as its customer's no holds", async () => {
    await using at = await scene();
    const { grant } = await connect(at);
    const id = await at.vendor.request();
    await at.customer.api.call("decline", { id });
    const until = at.system.clock.now() + 30 * 24 * 60 * MINUTE;
    await at.system.storage.change(at.customer.account, async (store) => store.put("refusals", digest(at.vendor.clientId), { until }));
    expect(await replace(at.vendor, grant.grant)).toMatchObject({ status: 400, body: { error: "access_denied" } });
    at.system.clock.pass(30 * 24 * 60 * MINUTE);
    expect((await replace(at.vendor, grant.grant)).status).toBe(201);
  });
});
