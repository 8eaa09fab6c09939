import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { MINUTE } from "../support/clock.ts";
import { TestVendor, type TokenReply } from "../support/vendor.ts";
import { connect, EMAIL, problemOf, refusal, type Scene, scene } from "./scene.ts";

interface Told {
  active: boolean;
  [claim: string]: unknown;
}

const introspect = async (vendor: TestVendor, token: string): Promise<Told> => {
  const { status, body } = await vendor.form<Told>("/oauth/introspect", { token });
  expect(status).toBe(200);
  return body;
};
const revoke = (vendor: TestVendor, token: string, hint?: string) =>
  vendor.form("/oauth/revoke", { token, ...(hint === undefined ? {} : { token_type_hint: hint }) });
const refresh = (vendor: TestVendor, tokens: TokenReply, change: Record<string, string> = {}) =>
  vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token, ...change });

describe("introspection", () => {
  test("tells a client what its tokens are good for", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const { iat } = decodeJwt(tokens.access_token);
    expect(await introspect(at.vendor, tokens.access_token)).toEqual({
      active: true,
      client_id: at.vendor.clientId,
      iss: at.system.issuer,
      aud: `${at.system.issuer}/api`,
      sub: decodeJwt(grant.token).iss,
      iat,
      exp: (iat ?? 0) + 300,
      jti: expect.any(String),
      token_type: "DPoP",
      cnf: { jkt: expect.any(String) },
      grant_id: grant.grant,
      authorization_details: tokens.authorization_details,
    });
    expect(await introspect(at.vendor, tokens.refresh_token)).toEqual({
      active: true,
      client_id: at.vendor.clientId,
      iss: at.system.issuer,
      sub: decodeJwt(grant.token).iss,
      exp: decodeJwt(grant.token).exp,
      grant_id: grant.grant,
      authorization_details: tokens.authorization_details,
    });
  });

  test("tells nobody else anything, and of no other text", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { tokens } = await connect(at);
    const texts = [tokens.access_token, tokens.refresh_token];
    for (const text of texts) expect(await introspect(other, text)).toEqual({ active: false });
    const made = ["x", "a.b.c", `${tokens.access_token}x`, `${tokens.grant_id}.${"A".repeat(43)}`, `${"A".repeat(22)}.${"A".repeat(43)}`];
    for (const text of made) expect(await introspect(at.vendor, text)).toEqual({ active: false });
    expect(await at.vendor.form("/oauth/introspect", {})).toMatchObject({ status: 400, body: { error: "invalid_request" } });
    const anonymous = await fetch(`${at.system.issuer}/oauth/introspect`, {
      method: "POST",
      body: new URLSearchParams({ token: tokens.access_token }),
    });
    expect(anonymous.status).toBe(401);
    expect(await anonymous.json()).toMatchObject({ error: "invalid_client" });
  });

  test("tells the state of now: a pause stops the access token, an end both", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const both = async () => [
      (await introspect(at.vendor, tokens.access_token)).active,
      (await introspect(at.vendor, tokens.refresh_token)).active,
    ];
    expect(await both()).toEqual([true, true]);
    const { position } = await at.customer.api.call("pause", { id: grant.grant });
    expect(await both(), "a pause ends").toEqual([false, true]);
    await at.customer.resume(grant.grant, position);
    expect(await both()).toEqual([true, true]);
    await at.customer.revoke(grant.grant);
    expect(await both()).toEqual([false, false]);
  });

  test("of what is past its time says that it is not active", async () => {
    await using at = await scene();
    const { tokens } = await connect(at);
    at.system.clock.pass(5 * MINUTE);
    expect(await introspect(at.vendor, tokens.access_token)).toEqual({ active: false });
    expect((await introspect(at.vendor, tokens.refresh_token)).active).toBe(true);
    at.system.clock.pass(91 * 24 * 60 * MINUTE);
    expect(await introspect(at.vendor, tokens.refresh_token)).toEqual({ active: false });
  });

  test("is signed for its client where the client asks for it, and is no token itself", async () => {
    await using at = await scene();
    const { tokens, grant } = await connect(at);
    const response = await fetch(`${at.system.issuer}/oauth/introspect`, {
      method: "POST",
      headers: { accept: "application/token-introspection+jwt, application/json;q=0.5" },
      body: new URLSearchParams({
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: await at.vendor.clientAssertion(),
        token: tokens.access_token,
      }),
    });
    expect(response.headers.get("content-type")).toBe("application/token-introspection+jwt");
    const jwt = await response.text();
    expect(decodeProtectedHeader(jwt)).toMatchObject({ alg: "Ed25519", typ: "token-introspection+jwt" });
    const claims = decodeJwt(jwt);
    expect(Object.keys(claims).sort()).toEqual(["aud", "iat", "iss", "token_introspection"]);
    expect(claims).toMatchObject({ aud: at.vendor.clientId, token_introspection: { active: true, grant_id: grant.grant } });
    await expect(at.vendor.pull(jwt, grant.grant)).rejects.toMatchObject(refusal("invalid_token"));
  });
});

describe("a revocation", () => {
  test("of a refresh token takes the access tokens with it, and leaves the grant", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const second = (await refresh(at.vendor, tokens)).body;
    expect(await revoke(at.vendor, tokens.refresh_token)).toMatchObject({ status: 200 });
    for (const token of [tokens.access_token, second.access_token])
      await expect(at.vendor.pull(token, grant.grant)).rejects.toMatchObject(refusal("invalid_token"));
    expect(await refresh(at.vendor, tokens)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    expect((await at.customer.view(grant.grant)).ended).toBeNull();
  });

  test("of an access token takes the grant's others with it, and leaves the refresh token", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    expect(await revoke(at.vendor, tokens.access_token, "refresh_token"), "a wrong hint hinders nothing").toMatchObject({ status: 200 });
    const refused = await at.vendor.pullRaw(tokens.access_token, grant.grant);
    expect(refused.headers.get("www-authenticate")).toContain('DPoP error="invalid_token"');
    expect(await problemOf(refused)).toMatchObject({ status: 401, code: "invalid_token" });
    expect(await introspect(at.vendor, tokens.access_token)).toEqual({ active: false });
    const { body } = await refresh(at.vendor, tokens);
    await at.vendor.pull(body.access_token, grant.grant);
    await revoke(at.vendor, tokens.access_token);
    await at.vendor.pull(body.access_token, grant.grant);
  });

  test("among many pulls at once: what was served was logged, and after its answer nothing is", async () => {
    await using at = await scene();
    const { grant, tokens } = await connect(at);
    const token = tokens.access_token;
    const proofs = await Promise.all(Array.from({ length: 60 }, () => at.vendor.proof("GET", at.vendor.recordsUrl(grant.grant), token)));
    await at.vendor.pull(token, grant.grant);
    const pulls = proofs.slice(0, 40).map((proof) => at.vendor.pullRaw(token, grant.grant, { proof }).then(({ status }) => status));
    await revoke(at.vendor, tokens.refresh_token);
    const after = await Promise.all(proofs.slice(40).map((proof) => at.vendor.pullRaw(token, grant.grant, { proof })));
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([401]));
    const served = (await Promise.all(pulls)).filter((status) => status === 200).length;
    expect((await at.customer.view(grant.grant)).reads.count).toBe(served + 1);
  });

  test("of what is not a token of this client changes nothing, and says nothing", async () => {
    await using at = await scene();
    await using other = await TestVendor.start(at.system.issuer, at.system.clock.now);
    const { grant, tokens } = await connect(at);
    for (const text of [tokens.access_token, tokens.refresh_token, "x", `${grant.grant}.${"A".repeat(43)}`])
      expect(await revoke(other, text)).toEqual({ status: 200, body: {} });
    expect(await revoke(at.vendor, `${grant.grant}.${"A".repeat(43)}`)).toEqual({ status: 200, body: {} });
    await at.vendor.pull(tokens.access_token, grant.grant);
    expect((await refresh(at.vendor, tokens)).status).toBe(200);
    expect(await at.vendor.form("/oauth/revoke", {})).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });
});

describe("a refresh for less", () => {
  /** Both paths granted with a value each. */
  async function granted(at: Scene): Promise<{ tokens: TokenReply; wide: AuthorizationDetail; narrow: AuthorizationDetail }> {
    const wide = at.vendor.ask({ paths: ["profile/name", "profile/emails"] });
    const approved = await at.customer.approve(await at.vendor.request([wide]), {
      contents: { "profile/emails/e1": EMAIL, "profile/name": { value: { given: "Ada" } } },
    });
    const { body } = await at.vendor.redeem(approved.redirect);
    return { tokens: body, wide, narrow: { ...wide, paths: ["profile/emails"] } };
  }
  const asText = (...details: AuthorizationDetail[]): Record<string, string> => ({ authorization_details: JSON.stringify(details) });
  const paths = async (vendor: TestVendor, token: string, grant: string, since?: string) =>
    (await vendor.pull(token, grant, since)).records.map(({ path }) => path).sort();

  test("gives a token that reads only that, and the next refresh gives all again", async () => {
    await using at = await scene();
    const { tokens, wide, narrow } = await granted(at);
    const { body } = await refresh(at.vendor, tokens, asText(narrow));
    expect(body.authorization_details).toEqual([narrow]);
    expect(decodeJwt(body.access_token).authorization_details).toEqual([narrow]);
    expect(await paths(at.vendor, body.access_token, tokens.grant_id)).toEqual(["profile/emails/e1"]);
    expect(await introspect(at.vendor, body.access_token)).toMatchObject({ active: true, authorization_details: [narrow] });
    const all = (await refresh(at.vendor, tokens)).body;
    expect(all.authorization_details).toEqual([wide]);
    expect(decodeJwt(all.access_token).authorization_details).toBeUndefined();
    expect(await paths(at.vendor, all.access_token, tokens.grant_id)).toEqual(["profile/emails/e1", "profile/name"]);
    const same = (await refresh(at.vendor, tokens, asText(wide))).body;
    expect(decodeJwt(same.access_token).authorization_details, "all of it needs no room in the token").toBeUndefined();
  });

  test("has cursors of its own", async () => {
    await using at = await scene();
    const { tokens, narrow } = await granted(at);
    const less = (await refresh(at.vendor, tokens, asText(narrow))).body.access_token;
    const none = (await refresh(at.vendor, tokens, asText({ ...narrow, paths: ["profile/emails/e2"] }))).body.access_token;
    const own = await at.vendor.pull(less, tokens.grant_id);
    const whole = await at.vendor.pull(tokens.access_token, tokens.grant_id);
    expect(await paths(at.vendor, less, tokens.grant_id, own.cursor)).toEqual([]);
    for (const [token, cursor] of [
      [tokens.access_token, own.cursor],
      [none, own.cursor],
      [less, whole.cursor],
    ] as const)
      await expect(at.vendor.pull(token, tokens.grant_id, cursor)).rejects.toMatchObject(refusal("cursor_expired"));
  });

  test("keeps to a lower frequency, and to an earlier expiry", async () => {
    await using at = await scene();
    const { tokens, narrow } = await granted(at);
    const rare = { ...narrow, frequency: { max: 1, per: "P1D" } };
    const { body } = await refresh(at.vendor, tokens, asText(rare));
    const { cursor } = await at.vendor.pull(body.access_token, tokens.grant_id);
    await expect(at.vendor.pull(body.access_token, tokens.grant_id, cursor)).rejects.toMatchObject(refusal("frequency_exceeded"));
    expect((await at.vendor.pullRaw(tokens.access_token, tokens.grant_id)).status).toBe(200);
    const soon = `${new Date(at.system.clock.now() + MINUTE).toISOString().slice(0, 19)}Z`;
    const short = (await refresh(at.vendor, tokens, asText({ ...narrow, expires: soon }))).body.access_token;
    expect(await paths(at.vendor, short, tokens.grant_id)).toEqual(["profile/emails/e1"]);
    at.system.clock.pass(2 * MINUTE);
    expect(await paths(at.vendor, short, tokens.grant_id)).toEqual([]);
  });

  test("for more than was granted, for a filter, or for too much to carry is refused at its place", async () => {
    await using at = await scene();
    const { tokens, wide, narrow } = await granted(at);
    const table: Array<[string, Record<string, string>, string]> = [
      ["another path", asText({ ...wide, paths: ["profile/phones"] }), "/0/paths/0"],
      ["another purpose", asText({ ...wide, purpose: "https://w3id.org/dpv#ServicePersonalisation" }), "/0/purpose"],
      ["twice the same", asText(narrow, narrow), "/0/purpose"],
      ["longer", asText({ ...narrow, retention: "P31D" }), "/0/retention"],
      ["a filter", asText({ ...narrow, filter: { since: "2026-01-01" } }), "/0/filter"],
      ["a member that is not known", asText({ ...narrow, more: 1 } as AuthorizationDetail), "/0/more"],
      ["no JSON", { authorization_details: "[" }, ""],
      ["nothing", { authorization_details: "[]" }, ""],
      ["many paths", asText({ ...narrow, paths: Array.from({ length: 64 }, (_, each) => `profile/emails/${"x".repeat(50)}${each}`) }), ""],
    ];
    for (const [name, change, pointer] of table)
      expect(await refresh(at.vendor, tokens, change), name).toMatchObject({
        status: 400,
        body: { error: "invalid_authorization_details", ...(name === "twice the same" ? {} : { pointer }) },
      });
    const scoped = (await refresh(at.vendor, tokens, { scope: "ssf.read" })).body;
    expect(decodeJwt(scoped.access_token).scope, "a scope is the vendor's own, and comes with no grant").toBeUndefined();
  });

  test("ends with the consent that it was narrowed from", async () => {
    await using at = await scene();
    const { tokens, narrow } = await granted(at);
    const less = (await refresh(at.vendor, tokens, asText(narrow))).body.access_token;
    await at.system.storage.change(at.customer.account, async (store) => {
      const row = await store.get("grants", tokens.grant_id);
      if (row !== undefined) store.put("grants", tokens.grant_id, { ...row, n: 2 });
    });
    await expect(at.vendor.pull(less, tokens.grant_id)).rejects.toMatchObject(refusal("invalid_token"));
    expect(await introspect(at.vendor, less)).toEqual({ active: false });
    expect((await at.vendor.pullRaw(tokens.access_token, tokens.grant_id)).status).toBe(200);
  });

  test("may be asked for with the code already", async () => {
    await using at = await scene();
    const wide = at.vendor.ask({ paths: ["profile/name", "profile/emails"] });
    const { redirect } = await at.customer.approve(await at.vendor.request([wide]), { contents: { "profile/emails/e1": EMAIL } });
    const narrow = { ...wide, paths: ["profile/name"] };
    const { body } = await at.vendor.redeem(redirect, asText(narrow));
    expect(body.authorization_details).toEqual([narrow]);
    expect(await paths(at.vendor, body.access_token, body.grant_id)).toEqual([]);
  });
});

test("the bits of a share that an earlier consent has set are worked out anew", async () => {
  await using at = await scene();
  const { grant, tokens } = await connect(at, { paths: ["profile/emails"] });
  const [detail] = tokens.authorization_details;
  if (detail === undefined) throw new Error("nothing was granted");
  const replaceBy = (paths: string[][]) =>
    at.system.storage.change(at.customer.account, async (store) => {
      const row = await store.get("grants", grant.grant);
      const [object] = row?.objects ?? [];
      if (row === undefined || object === undefined) throw new Error("the grant is not there");
      const details = paths.map((each) => ({ ...detail, paths: each }));
      store.put("grants", grant.grant, { ...row, n: (row.n ?? 1) + 1, details, objects: details.map(() => object) });
    });
  const read = async () => (await at.vendor.pull(tokens.access_token, grant.grant)).records.length;
  expect(await read()).toBe(1);
  await replaceBy([["profile/phones"], ["profile/emails/e1"]]);
  expect(await read()).toBe(1);
  await replaceBy([["profile/phones"]]);
  expect(await read()).toBe(0);
});
