import { expect, test } from "vitest";
import { Customer } from "../support/customer.ts";
import { startSystem } from "../support/system.ts";
import { TestVendor } from "../support/vendor.ts";

test("a customer registers, is asked, approves; the vendor reads; the customer stops; the next pull is refused", async () => {
  await using system = await startSystem();
  await using vendor = await TestVendor.start(system.issuer, system.clock.now);
  const customer = await Customer.register(system.issuer, system.clock.now);
  await customer.commit({
    records: {
      "profile/name": { value: { given: "Ada", surname: "Reti" } },
      "profile/emails/e1": { value: { address: "ada@example.org" } },
    },
  });

  const request = await vendor.request();
  const narrowed = [vendor.ask({ paths: ["profile/emails/e1"] })];
  const grant = await customer.approve(request, {
    details: narrowed,
    contents: { "profile/emails/e1": { value: { address: "ada@example.org" } } },
  });
  const back = new URL(grant.redirect);
  expect(`${back.origin}${back.pathname}`).toBe(vendor.redirectUri);
  expect(back.searchParams.get("state")).toBe("the-state");
  expect(back.searchParams.get("iss")).toBe(system.issuer);

  const { status, body: tokens } = await vendor.redeem(grant.redirect);
  expect(status).toBe(200);
  expect(tokens.grant_id).toBe(grant.grant);
  expect(tokens.authorization_details).toEqual(narrowed);

  const first = await vendor.pull(tokens.access_token, grant.grant);
  expect(await vendor.open(grant.grant, first)).toEqual({ "profile/emails/e1": { value: { address: "ada@example.org" } } });
  expect(first).toMatchObject({ complete: true, more: false });

  await customer.commit({
    records: { "profile/emails/e1": { value: { address: "ada@example.net" } } },
    shares: [{ grant: grant.grant, path: "profile/emails/e1", content: { value: { address: "ada@example.net" } } }],
  });
  const second = await vendor.pull(tokens.access_token, grant.grant, first.cursor);
  expect(await vendor.open(grant.grant, second)).toEqual({ "profile/emails/e1": { value: { address: "ada@example.net" } } });
  expect((await vendor.pull(tokens.access_token, grant.grant, second.cursor)).records).toEqual([]);
  expect((await customer.view(grant.grant)).reads.count).toBe(3);

  await customer.revoke(grant.grant, true);
  await expect(vendor.pull(tokens.access_token, grant.grant, second.cursor)).rejects.toMatchObject({
    problem: { code: "grant_ended", status: 403 },
  });
  const refreshed = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
  expect(refreshed).toMatchObject({ status: 400, body: { error: "invalid_grant" } });

  const after = await customer.read();
  expect(after.grants[0]?.ended).toMatchObject({ state: "revoked", actor: "customer", askDeletion: true });
  expect(after.history.map(({ type }) => type)).toEqual([
    "commit",
    "commit",
    "commit",
    "approve",
    "read",
    "commit",
    "read",
    "read",
    "revoke",
  ]);
});
