import { expect, test } from "vitest";
import { DAY } from "../support/clock.ts";
import { connect, problemOf, scene } from "./scene.ts";

test("a vendor whose grant has ended fills nobody's history with its word", async () => {
  await using at = await scene();
  const { vendor, customer, system } = at;
  const { grant, tokens } = await connect(at);
  await vendor.pull(tokens.access_token, grant.grant);
  await vendor.release(grant.grant);
  const attest = async () => vendor.callRaw("attest", { id: grant.grant, body: { attestation: await vendor.attestation(grant.grant) } });
  let last = await attest();
  for (let time = 1; time <= 200 && last.status === 201; time++) {
    if (time % 20 === 0) system.clock.pass(60_000);
    last = await attest();
  }
  expect(await problemOf(last)).toMatchObject({ status: 429, code: "rate_limited" });
  expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(3600);
  system.clock.pass(DAY);
  expect((await attest()).status).toBe(201);
  await customer.login();
  expect((await customer.read()).history.filter(({ type }) => type === "attest").length).toBeLessThanOrEqual(101);
});
