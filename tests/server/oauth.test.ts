import { describe, expect, test } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { digest } from "../../server/digest.ts";
import { MINUTE, SECOND } from "../support/clock.ts";
import { makeDpopKey, TestVendor } from "../support/vendor.ts";
import { EMAIL, refusal, type Scene, scene } from "./scene.ts";

describe("a pushed request", () => {
  test("needs a client assertion for this issuer, of now, used for the first time", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const parameters = await vendor.parParameters();
    const now = Math.floor(system.clock.now() / 1000);
    const push = (assertion: string) => vendor.form("/oauth/par", parameters, { assertion });
    const wrong: Array<[string, Parameters<TestVendor["clientAssertion"]>[0]]> = [
      ["another audience", { aud: "https://other.example" }],
      ["the endpoint as audience", { aud: `${system.issuer}/oauth/par` }],
      ["a list of audiences", { aud: [system.issuer] }],
      ["another subject", { sub: "https://other.example/client.json" }],
      ["another issuer", { iss: "https://other.example/client.json" }],
      ["past", { exp: now - 1 }],
      ["for too long", { exp: now + 3600 }],
      ["of the future", { iat: now + 61 }],
      ["valid later", { nbf: now + 61 }],
      ["without a jti", { jti: undefined }],
      ["from before the server started", { iat: now - 1, exp: now + 60 }],
    ];
    for (const [name, change] of wrong)
      expect(await push(await vendor.clientAssertion(change)), name).toMatchObject({ status: 401, body: { error: "invalid_client" } });
    const right = await vendor.clientAssertion({ iat: now + 5, nbf: now + 5 });
    expect((await push(right)).status).toBe(201);
    expect(await push(right)).toMatchObject({ status: 401, body: { error: "invalid_client" } });
    const [header, payload] = right.split(".");
    expect(await push(`${header}.${payload}.${"A".repeat(86)}`)).toMatchObject({ body: { error: "invalid_client" } });
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    expect(await push(`${none}.${payload}.AA`)).toMatchObject({ body: { error: "invalid_client" } });
  });

  test("is refused where a parameter is wrong", async () => {
    await using at = await scene();
    const { vendor } = at;
    const wrong: Array<[string, Record<string, string>, string]> = [
      ["response_type", { response_type: "token" }, "unsupported_response_type"],
      ["redirect_uri", { redirect_uri: `${vendor.redirectUri}/` }, "invalid_request"],
      ["redirect_uri's host", { redirect_uri: "https://evil.example/back" }, "invalid_request"],
      ["plain PKCE", { code_challenge_method: "plain" }, "invalid_request"],
      ["a short challenge", { code_challenge: "abc" }, "invalid_request"],
      ["a state without end", { state: "x".repeat(2049) }, "invalid_request"],
      ["response_mode", { response_mode: "fragment" }, "invalid_request"],
      ["two response types", { response_type: "code id_token" }, "unsupported_response_type"],
      ["another resource", { resource: "https://other.example/api" }, "invalid_target"],
      ["a request object", { request: "a.b.c" }, "request_not_supported"],
      ["a request_uri", { request_uri: "urn:x" }, "invalid_request"],
      ["another action", { grant_management_action: "merge" }, "invalid_request"],
      ["a replacement of nothing", { grant_management_action: "replace" }, "invalid_request"],
      ["a grant that is not to be replaced", { grant_id: "A".repeat(22) }, "invalid_request"],
      ["dpop_jkt", { dpop_jkt: "abc" }, "invalid_dpop_proof"],
      ["details that are not JSON", { authorization_details: "[" }, "invalid_authorization_details"],
    ];
    for (const [name, change, error] of wrong)
      expect(await vendor.par(undefined, change), name).toMatchObject({ status: 400, body: { error } });
    const { code_challenge: _, ...without } = await vendor.parParameters();
    expect(await vendor.form("/oauth/par", without)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    const twice = new URLSearchParams({ client_assertion: await vendor.clientAssertion() });
    twice.append("client_assertion", "again");
    const response = await fetch(`${at.system.issuer}/oauth/par`, { method: "POST", body: twice });
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ error: "invalid_request" });
  });

  test("outside its purpose's bounds, or with a member that is not known, is refused at its place", async () => {
    await using at = await scene();
    const { vendor } = at;
    const wrong: Array<[unknown, string]> = [
      [vendor.ask({ purpose: "https://w3id.org/dpv#SellDataToThirdParties" }), "/0/purpose"],
      [vendor.ask({ paths: ["profile/name", "relationships/r1"] }), "/0/paths/1"],
      [vendor.ask({ retention: "P9999D" }), "/0/retention"],
      [vendor.ask({ expires: "2029-01-01T00:00:00Z" }), "/0/expires"],
      [vendor.ask({ legal_basis: "https://w3id.org/dpv/legal/eu/gdpr#A6-1-f" }), "/0/legal_basis"],
      [vendor.ask({ necessity: "required" }), "/0/necessity"],
      [{ ...vendor.ask(), datatypes: ["x"] }, "/0/datatypes"],
      [vendor.ask({ explanation: { en: "Send \u202emoney" } }), "/0/explanation/en"],
    ];
    for (const [detail, pointer] of wrong)
      expect((await vendor.par([detail])).body).toMatchObject({ error: "invalid_authorization_details", pointer });
    expect((await vendor.par([])).body).toMatchObject({ error: "invalid_authorization_details" });
    expect((await vendor.par([vendor.ask(), { type: "other" }])).body).toMatchObject({
      error: "invalid_authorization_details",
      pointer: "/1/type",
    });
  });

  test("whose proof and dpop_jkt disagree is refused", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const parameters = await vendor.parParameters();
    const push = async (proof: string) => vendor.form("/oauth/par", parameters, { headers: { dpop: proof } });
    expect(await push(await vendor.proof("POST", `${system.issuer}/oauth/par`))).toMatchObject({
      status: 400,
      body: { error: "use_dpop_nonce" },
    });
    expect((await push(await vendor.proof("POST", `${system.issuer}/oauth/par`))).status).toBe(201);
    vendor.dpop = await makeDpopKey();
    expect(await push(await vendor.proof("POST", `${system.issuer}/oauth/par`))).toMatchObject({
      status: 400,
      body: { error: "invalid_dpop_proof" },
    });
  });
});

describe("a client", () => {
  test("whose documents are not as they must be is refused, and says why", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const right = structuredClone(vendor.documents);
    const [signing, encryption] = right.jwks.keys;
    const wrong: Array<[string, () => void, string]> = [
      [
        "another client_id",
        () => Object.assign(vendor.documents.metadata, { client_id: "https://other.example/client.json" }),
        "client_id",
      ],
      ["no country", () => Object.assign(vendor.documents.metadata, { country: undefined }), "country"],
      ["a name with hidden characters", () => Object.assign(vendor.documents.metadata, { client_name: "Bank\u202e" }), "client_name"],
      ["a name of two scripts", () => Object.assign(vendor.documents.metadata, { client_name: "P\u0430yPal" }), "client_name"],
      ["a legal name that can't be seen", () => Object.assign(vendor.documents.metadata, { legal_name: "\u3164" }), "legal_name"],
      ["a policy that is a script", () => Object.assign(vendor.documents.metadata, { policy_uri: "javascript:alert(1)" }), "policy_uri"],
      ["a home that is data", () => Object.assign(vendor.documents.metadata, { client_uri: "data:text/html,x" }), "client_uri"],
      [
        "a secret instead of a key",
        () => Object.assign(vendor.documents.metadata, { token_endpoint_auth_method: "client_secret_basic" }),
        "token_endpoint_auth_method",
      ],
      ["keys elsewhere", () => Object.assign(vendor.documents.metadata, { jwks_uri: "https://elsewhere.example/jwks.json" }), "jwks_uri"],
      ["an open redirect", () => Object.assign(vendor.documents.metadata, { redirect_uris: ["http://evil.example/back"] }), "redirect URI"],
      ["no encryption key", () => Object.assign(vendor.documents.jwks, { keys: [signing] }), "enc"],
      ["two encryption keys", () => Object.assign(vendor.documents.jwks, { keys: [signing, encryption, encryption] }), "enc"],
      ["a private key", () => Object.assign(vendor.documents.jwks, { keys: [signing, { ...encryption, d: "A".repeat(43) }] }), "private"],
    ];
    for (const [name, spoil, reason] of wrong) {
      spoil();
      const { status, body } = await vendor.par();
      expect({ status, error: body.error }, name).toEqual({ status: 401, error: "invalid_client" });
      expect(body.error_description, name).toContain(reason);
      Object.assign(vendor.documents, structuredClone(right));
    }
    expect((await vendor.par()).status).toBe(201);
    vendor.documents.metadata.client_name = "Another Name";
    const id = await vendor.request();
    expect((await at.customer.api.call("request", { id })).client.client_name, "kept for a day").toBe("Libreria Aldina");
    system.clock.pass(25 * 60 * MINUTE);
    expect((await at.customer.api.call("request", { id: await vendor.request() })).client.client_name).toBe("Another Name");
  });

  test("that the operator has not admitted is refused", async () => {
    await using at = await scene({ config: { clients: new Set(["https://shop.example/client.json"]) } });
    expect(await at.vendor.par()).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  });
});

describe("another method", () => {
  test.each([
    ["/oauth/par", "POST"],
    ["/oauth/token", "POST"],
    ["/oauth/revoke", "POST"],
    ["/oauth/introspect", "POST"],
    ["/oauth/authorize", "GET"],
    ["/.well-known/oauth-authorization-server", "GET"],
    ["/.well-known/oauth-protected-resource/api", "GET"],
    ["/.well-known/jwks.json", "GET"],
  ])("than %s takes is refused, and told which", async (path, right) => {
    await using at = await scene();
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (method === right) continue;
      const response = await fetch(at.system.issuer + path, { method, redirect: "manual" });
      expect({ method, status: response.status, allow: response.headers.get("allow") }).toEqual({ method, status: 405, allow: right });
    }
    const head = await fetch(at.system.issuer + path, { method: "HEAD", redirect: "manual" });
    expect(head.status).toBe(right === "POST" ? 405 : path === "/oauth/authorize" ? 400 : 200);
  });

  test("a form of another content type is refused", async () => {
    await using at = await scene();
    for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"]) {
      const response = await fetch(`${at.system.issuer}/oauth/token`, { method: "POST", headers: { "content-type": type }, body: "a=b" });
      expect({ type, status: response.status, error: ((await response.json()) as { error: string }).error }).toEqual({
        type,
        status: 400,
        error: "invalid_request",
      });
    }
  });
});

test("a long state comes back as it was", async () => {
  await using at = await scene();
  const state = `${"~".repeat(1024)}%&=+ é`;
  const { body } = await at.vendor.par(undefined, { state });
  const arrival = await at.vendor.authorize(body.request_uri);
  const id = (arrival.headers.get("location") ?? "").replace("/ask/", "");
  const { redirect } = await at.customer.api.call("decline", { id });
  expect(new URL(redirect).searchParams.get("state")).toBe(state);
});

describe("an arrival", () => {
  test("goes to the screen, not to an address that it brings, and uses nothing up", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const { body } = await vendor.par();
    for (let time = 0; time < 2; time++) {
      const response = await vendor.authorize(body.request_uri);
      expect(response.status).toBe(303);
      expect(response.headers.get("location")).toMatch(/^\/ask\/[A-Za-z0-9_-]{22}$/);
    }
    for (const query of [
      `client_id=https://evil.example&request_uri=${body.request_uri}`,
      `client_id=${vendor.clientId}`,
      `client_id=${vendor.clientId}&client_id=${vendor.clientId}&request_uri=${body.request_uri}`,
      `client_id=${vendor.clientId}&request_uri=urn:ietf:params:oauth:request_uri:${"A".repeat(22)}&redirect_uri=https://evil.example`,
      "",
    ]) {
      const response = await fetch(`${system.issuer}/oauth/authorize?${query}`, { redirect: "manual" });
      expect(response.status).toBe(400);
      expect(response.headers.get("location")).toBeNull();
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(await response.text()).not.toContain("evil.example");
    }
  });

  test("after five minutes is too late; who came in time has an hour", async () => {
    await using at = await scene();
    const { vendor, system, customer } = at;
    const late = (await vendor.par()).body.request_uri;
    const id = await vendor.request();
    system.clock.pass(5 * MINUTE);
    expect((await vendor.authorize(late)).status).toBe(400);
    system.clock.pass(30 * MINUTE);
    expect(await customer.api.call("request", { id })).toMatchObject({ state: "open" });
    system.clock.pass(30 * MINUTE);
    await expect(customer.api.call("request", { id })).rejects.toMatchObject({ problem: { code: "not_found" } });
  });

  test("that is declined goes back with access_denied", async () => {
    await using at = await scene();
    const id = await at.vendor.request();
    const { redirect } = await at.customer.api.call("decline", { id });
    const back = new URL(redirect);
    expect(Object.fromEntries(back.searchParams)).toEqual({ error: "access_denied", state: "the-state", iss: at.system.issuer });
    expect((await at.customer.read()).history.at(-1)).toMatchObject({ type: "decline", by: at.vendor.clientId });
    await expect(at.customer.approve(id, { contents: {} })).rejects.toMatchObject({ problem: { code: "already_answered" } });
  });
});

async function approved(at: Scene, details?: AuthorizationDetails): Promise<string> {
  const asked = details ?? [at.vendor.ask({ paths: ["profile/emails"] })];
  return (await at.customer.approve(await at.vendor.request(asked), { contents: { "profile/emails/e1": EMAIL } })).redirect;
}

describe("a code", () => {
  test("is redeemed once, even by three at a time; what was issued by one that comes again dies", async () => {
    await using at = await scene();
    const redirect = await approved(at);
    const answers = await Promise.all([at.vendor.redeem(redirect), at.vendor.redeem(redirect), at.vendor.redeem(redirect)]);
    const given = answers.filter(({ status }) => status === 200);
    expect(given.length).toBeLessThanOrEqual(1);
    for (const { status, body } of answers) if (status !== 200) expect(body.error).toBe("invalid_grant");
    expect(await at.vendor.redeem(redirect)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    for (const { body } of given) {
      await expect(at.vendor.pull(body.access_token, body.grant_id)).rejects.toMatchObject(refusal("invalid_token"));
      const again = await at.vendor.token({ grant_type: "refresh_token", refresh_token: body.refresh_token });
      expect(again).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    }
  });

  test("that came a second time while the first was on its way gives the first nothing either", async () => {
    await using at = await scene();
    const redirect = new URL(await approved(at));
    const [grant = ""] = at.customer.grants.keys();
    const burnt = digest(redirect.searchParams.get("code") ?? "");
    await at.system.storage.change(at.customer.account, async (store) => {
      const row = await store.get("grants", grant);
      if (row !== undefined) store.put("grants", grant, { ...row, burnt });
    });
    expect(await at.vendor.redeem(redirect.href)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("that comes again a minute later, or by another vendor, does as much as it may", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const redirect = await approved(at);
    const { body } = await at.vendor.redeem(redirect);
    const theirs = await other.token({
      grant_type: "authorization_code",
      code: new URL(redirect).searchParams.get("code") ?? "",
      redirect_uri: at.vendor.redirectUri,
      code_verifier: at.vendor.verifier,
    });
    expect(theirs).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    await at.vendor.pull(body.access_token, body.grant_id);
    at.system.clock.pass(61 * SECOND);
    expect(await at.vendor.redeem(redirect)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    await expect(at.vendor.pull(body.access_token, body.grant_id)).rejects.toMatchObject(refusal("invalid_token"));
  });

  test("is gone after sixty seconds", async () => {
    await using at = await scene();
    const redirect = await approved(at);
    at.system.clock.pass(60 * SECOND);
    expect(await at.vendor.redeem(redirect)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test.each([
    ["no verifier", { code_verifier: "" }, "invalid_grant"],
    ["another verifier", { code_verifier: "x".repeat(43) }, "invalid_grant"],
    ["another redirect_uri", { redirect_uri: "https://evil.example" }, "invalid_grant"],
    ["another code", { code: "A".repeat(43) }, "invalid_grant"],
    ["another grant type", { grant_type: "password" }, "unsupported_grant_type"],
  ])("with %s gives nothing", async (_name, change, error) => {
    await using at = await scene();
    expect(await at.vendor.redeem(await approved(at), change)).toMatchObject({ status: 400, body: { error } });
  });

  test("of another vendor, or by another DPoP key, gives nothing and is used up", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const redirect = await approved(at);
    const code = new URL(redirect).searchParams.get("code") ?? "";
    expect(
      await other.token({ grant_type: "authorization_code", code, redirect_uri: at.vendor.redirectUri, code_verifier: at.vendor.verifier }),
    ).toMatchObject({ body: { error: "invalid_grant" } });
    expect(await at.vendor.redeem(redirect)).toMatchObject({ body: { error: "invalid_grant" } });
    await at.customer.addKit();
    const second = await approved(at);
    at.vendor.dpop = await makeDpopKey();
    expect(await at.vendor.redeem(second)).toMatchObject({ status: 400, body: { error: "invalid_dpop_proof" } });
  });

  test("needs a DPoP proof", async () => {
    await using at = await scene();
    expect(await at.vendor.form("/oauth/token", { grant_type: "authorization_code", code: "x" })).toMatchObject({
      status: 400,
      body: { error: "invalid_dpop_proof" },
    });
  });
});

test("a refresh token serves its own vendor, and lives as long as its grant", async () => {
  await using at = await scene();
  await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
  const { body } = await at.vendor.redeem(await approved(at));
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token };
  expect(await at.vendor.token(refresh)).toMatchObject({
    status: 200,
    body: { refresh_token: body.refresh_token, grant_id: body.grant_id, token_type: "DPoP", expires_in: 300 },
  });
  expect(await other.token(refresh)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  expect(await at.vendor.token({ ...refresh, refresh_token: `${body.grant_id}.${"A".repeat(43)}` })).toMatchObject({
    body: { error: "invalid_grant" },
  });
  await at.customer.api.call("pause", { id: body.grant_id });
  expect((await at.vendor.token(refresh)).status, "a pause ends").toBe(200);
  at.system.clock.pass(91 * 24 * 60 * MINUTE);
  expect(await at.vendor.token(refresh)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
});

test("the metadata name this issuer and only what is served", async () => {
  await using at = await scene();
  const { issuer } = at.system;
  const server = (await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()) as Record<string, unknown>;
  expect(server).toMatchObject({
    issuer,
    require_pushed_authorization_requests: true,
    authorization_response_iss_parameter_supported: true,
    code_challenge_methods_supported: ["S256"],
  });
  expect(server.token_endpoint_auth_signing_alg_values_supported).not.toContain("RS256");
  for (const [name, url] of Object.entries(server))
    if (name.endsWith("_endpoint") || name === "jwks_uri" || name === "service_documentation") {
      const address = name === "grant_management_endpoint" ? `${url}/${"A".repeat(22)}` : String(url);
      const method = name.endsWith("_endpoint") && !/^(authorization|grant_management)_/.test(name) ? "POST" : "GET";
      const response = await fetch(address, { method });
      const refused = response.ok ? "" : await response.text();
      expect(`${name} ${refused}`).not.toMatch(/nothing at this address|method_not_allowed/);
    }
  const resource = (await (await fetch(`${issuer}/.well-known/oauth-protected-resource/api`)).json()) as Record<string, unknown>;
  expect(resource).toMatchObject({ resource: `${issuer}/api`, authorization_servers: [issuer], dpop_bound_access_tokens_required: true });
  const { keys } = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as { keys: Array<Record<string, unknown>> };
  expect(keys, "the one that signs, and the next").toHaveLength(2);
  for (const key of keys) expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
});
