import { expect, test } from "vitest";
import { SECOND } from "../support/clock.ts";
import { TestVendor } from "../support/vendor.ts";
import { connect, problemOf, scene } from "./scene.ts";

/** What a proof says is told to nobody else: another vendor's object with the same key and no nonce. */
async function withoutNonce(vendor: TestVendor, issuer: string, now: () => number): Promise<TestVendor> {
  const other = await TestVendor.start(issuer, now);
  other.dpop = vendor.dpop;
  return other;
}

test("for as long as proofs of the process before may be around, a pull takes one with the nonce of this process", async () => {
  await using at = await scene();
  const { vendor, system } = at;
  const { grant, tokens } = await connect(at);
  const token = tokens.access_token;
  const url = vendor.recordsUrl(grant.grant);
  await using old = await withoutNonce(vendor, system.issuer, system.clock.now);
  const second = Math.floor(system.clock.now() / 1000);
  // Made by a clock that is ahead, and perhaps used already.
  for (const iat of [second, second + 10]) {
    for (const nonce of [undefined, "another"]) {
      const response = await vendor.pullRaw(token, grant.grant, { proof: await old.proof("GET", url, token, { iat, nonce }) });
      expect(response.headers.get("dpop-nonce")).toMatch(/^[\w-]{22}$/);
      expect(response.headers.get("www-authenticate")).toContain('DPoP error="use_dpop_nonce"');
      const problem = await problemOf(response);
      expect(problem).toMatchObject({ status: 401, code: "invalid_token" });
      expect(JSON.parse(problem.text)).toMatchObject({ error: "use_dpop_nonce" });
    }
  }
  const proof = await vendor.proof("GET", url, token, { iat: second + 10 });
  expect((await vendor.pullRaw(token, grant.grant, { proof })).status).toBe(200);
  expect((await vendor.pullRaw(token, grant.grant, { proof })).status).toBe(401);

  system.clock.pass(11 * SECOND);
  const later = await vendor.pullRaw(token, grant.grant, { proof: await old.proof("GET", url, token) });
  expect(later.status).toBe(200);
  expect(later.headers.get("dpop-nonce")).toBeNull();
});

test("a token is asked for with that nonce too, and the code is still good afterwards", async () => {
  await using at = await scene();
  const { vendor, customer, system } = at;
  const grant = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), { contents: {} });
  const proof = await vendor.proof("POST", `${system.issuer}/oauth/token`);
  const code = new URL(grant.redirect).searchParams.get("code") ?? "";
  const parameters = { grant_type: "authorization_code", code, redirect_uri: vendor.redirectUri, code_verifier: vendor.verifier };
  expect(await vendor.token(parameters, { proof })).toMatchObject({ status: 400, body: { error: "use_dpop_nonce" } });
  expect((await vendor.token(parameters)).status).toBe(200);
});
