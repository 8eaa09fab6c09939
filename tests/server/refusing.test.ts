import { expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { ApiClient } from "../support/api-client.ts";
import { DAY } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { TestVendor } from "../support/vendor.ts";
import { connect, refusal, scene } from "./scene.ts";

const instant = (at: number): string => new Date(at).toISOString();

test("a customer who said no is not asked again for thirty days", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  await customer.addKit();
  const until = instant(system.clock.now() + LIMITS.refusal);
  const { redirect } = await customer.api.call("decline", { id: await vendor.request() });
  expect(new URL(redirect).searchParams.get("error")).toBe("access_denied");
  const again = await vendor.request();
  expect(await customer.api.call("request", { id: again })).toMatchObject({ state: "open", refused: until });
  await expect(customer.approve(again, { contents: {} })).rejects.toMatchObject({
    problem: { code: "refused_before", status: 403, pointer: "/consent/request", until },
  });
  expect(await customer.api.call("request", { id: again }), "it stays to be answered").toMatchObject({ state: "open" });
  system.clock.pass(LIMITS.refusal - DAY);
  await customer.login();
  // Leaving its page by the way back is no other no.
  await customer.api.call("decline", { id: await vendor.request() });
  await expect(customer.approve(await vendor.request(), { contents: {} })).rejects.toMatchObject(refusal("refused_before"));
  system.clock.pass(DAY);
  const after = await vendor.request();
  expect(await customer.api.call("request", { id: after })).toMatchObject({ refused: null });
  await customer.approve(after, { contents: {} });
});

test("only the one who said no learns of it, and only that vendor is refused", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  await customer.api.call("decline", { id: await vendor.request() });
  const again = await vendor.request();
  const other = await Customer.register(system.issuer, system.clock.now);
  const stranger = new ApiClient(system.issuer);
  const forged = new ApiClient(system.issuer);
  forged.cookie = `counterfoil=${customer.account}.${"A".repeat(43)}`;
  for (const api of [other.api, stranger, forged]) expect(await api.call("request", { id: again })).toMatchObject({ refused: null });
  await other.approve(again, { contents: {} });
  await using second = await TestVendor.start(system.issuer, system.clock.now);
  const asks = await second.request();
  expect(await customer.api.call("request", { id: asks })).toMatchObject({ refused: null });
  await customer.approve(asks, { contents: {} });
});

test("a no without being signed in is remembered for nobody", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  await new ApiClient(system.issuer).call("decline", { id: await vendor.request() });
  expect(await customer.api.call("request", { id: await vendor.request() })).toMatchObject({ refused: null });
});

test("a customer's own change of mind takes it back, and gives nothing by itself", async () => {
  await using at = await scene();
  const { customer, vendor, system } = at;
  await customer.api.call("decline", { id: await vendor.request() });
  const again = await vendor.request();
  await expect(new ApiClient(system.issuer).call("reopen", { id: again })).rejects.toMatchObject(refusal("unauthenticated"));
  await expect(customer.api.call("reopen", { id: "A".repeat(22) })).rejects.toMatchObject(refusal("not_found"));
  await customer.api.call("reopen", { id: again });
  await customer.api.call("reopen", { id: again });
  const { history, grants } = await customer.read();
  expect(grants).toEqual([]);
  expect(history.filter(({ type }) => type === "reopen")).toMatchObject([{ by: vendor.clientId, grant: null }]);
  expect(await customer.api.call("request", { id: again })).toMatchObject({ refused: null, state: "open" });
  await customer.approve(again, { contents: {} });
});

test("a no to an amendment leaves the grant as it is, and its vendor can't push another", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  const { grant, tokens } = await connect(at);
  const wide = [vendor.ask({ paths: ["profile/emails", "profile/name"] })];
  const waiting = await vendor.amend(grant.grant, wide);
  await customer.api.call("decline", { id: await vendor.amend(grant.grant, wide) });
  expect((await vendor.pull(tokens.access_token, grant.grant)).consent).toBe(grant.token);
  const { status, body } = await vendor.par(wide, { grant_management_action: "replace", grant_id: grant.grant });
  expect([status, body.error]).toEqual([400, "access_denied"]);
  await expect(customer.approve(waiting, { contents: {} })).rejects.toMatchObject(refusal("refused_before"));
  await customer.api.call("reopen", { id: waiting });
  await customer.approve(waiting, { contents: {} });
});

test("a shop is the host that its documents lie on: under another client_id it asks no sooner", async () => {
  await using at = await scene();
  const { customer, vendor } = at;
  await customer.api.call("decline", { id: await vendor.request() });
  for (const path of ["/other.json", "/client.json?again"]) {
    vendor.path = path;
    vendor.documents.metadata.client_id = vendor.clientId;
    const again = await vendor.request();
    expect(await customer.api.call("request", { id: again })).toMatchObject({ refused: expect.any(String) });
    await expect(customer.approve(again, { contents: {} })).rejects.toMatchObject(refusal("refused_before"));
  }
});

test("a host's name with a point behind it is no other shop", async () => {
  await using at = await scene();
  const id = "https://shop.example./client.json";
  const assertion = await at.vendor.clientAssertion({ iss: id, sub: id });
  const { body } = await at.vendor.form("/oauth/par", { client_id: id }, { assertion });
  expect(body).toMatchObject({ error: "invalid_client", error_description: expect.stringContaining("is not the address of") });
});
