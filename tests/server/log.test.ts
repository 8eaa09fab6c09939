import { expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { makeLog } from "../../server/log.ts";
import { connect, scene } from "./scene.ts";

test("a log line names the route, never a value of its path, address, headers or body", async () => {
  let written = "";
  const log = makeLog(
    (text) => {
      written += text;
    },
    () => 0,
  );
  await using at = await scene({ log });
  const { grant, tokens } = await connect(at);
  await at.vendor.pull(tokens.access_token, grant.grant);
  await at.customer.api.raw("GET", "/api/a-secret-path?a-secret-query=1");
  at.system.failWith("failed");
  await at.customer.api.raw("POST", `/api/grants/${grant.grant}/pause`, { body: "{}" });
  at.system.failWith(undefined);
  await at.customer.erase("later");
  at.system.clock.pass(LIMITS.grace);
  at.system.failWith("failed", "erase");
  await at.system.sweep();
  at.system.failWith(undefined);
  await at.system.sweep();
  log.flush();
  expect(written).toContain('"fault":"StorageError","code":"failed","request":"sweep"');
  expect(written).toContain('"erased":1');
  expect(written).toContain('"route":"/api/grants/{id}/records","status":200');
  expect(written).toContain('"fault":"StorageError","code":"failed"');
  for (const value of [
    grant.grant,
    tokens.access_token,
    tokens.refresh_token,
    at.customer.account,
    at.vendor.clientId,
    "a-secret",
    (at.customer.api.cookie ?? "").slice(-20),
  ])
    expect(written).not.toContain(value);
  for (const line of written.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
});
