import { afterAll, beforeAll, expect, test } from "vitest";
import { API, type Endpoint } from "#protocol/api.ts";
import { makeApp } from "../../server/app.ts";
import { RATES } from "../../server/config.ts";
import { silentLog } from "../support/system.ts";
import { problemOf, type Scene, scene } from "./scene.ts";

let at: Scene;
beforeAll(async () => {
  at = await scene();
});
afterAll(() => at[Symbol.asyncDispose]());

const rows: Array<[string, Endpoint]> = Object.entries(API);

test.each(rows)("%s of the table is served", async (_name, { method, path }) => {
  const response = await at.customer.api.raw(method, path.replace("{id}", "A".repeat(22)), method === "POST" ? { body: "{}" } : {});
  expect(await problemOfAny(response)).not.toMatch(/nothing at this address|^method_not_allowed$/);
});

async function problemOfAny(response: Response): Promise<string> {
  if (response.ok) return "served";
  const { code, text } = await problemOf(response);
  return code === "not_found" ? text : code;
}

test("no other endpoint is served under /api", async () => {
  const app = await makeApp({
    config: { issuer: at.system.issuer, host: "", port: 0, data: "", clients: "open", web: "none", proxies: 0, rates: RATES },
    storage: at.system.storage,
    log: silentLog,
    now: at.system.clock.now,
    started: 0,
  });
  const served = app.routes
    .filter(({ path }) => path.startsWith("/api"))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(served.length).toBeGreaterThan(0);
  expect(served.sort()).toEqual(rows.map(([, { method, path }]) => `${method} ${path}`).sort());
});

test.each(rows.filter(([, { caller }]) => caller === "session"))("%s refuses who is not signed in", async (_name, { method, path }) => {
  const cookie = at.customer.api.cookie;
  at.customer.api.cookie = undefined;
  const body = path.endsWith("/commits") ? await at.customer.draft({ records: {} }) : path.endsWith("/revoke") ? await revocation() : {};
  const response = await at.customer.api.raw(
    method,
    path.replace("{id}", "A".repeat(22)),
    method === "POST" ? { body: JSON.stringify(body) } : {},
  );
  at.customer.api.cookie = cookie;
  expect(await problemOf(response)).toMatchObject({ status: 401, code: "unauthenticated" });
});

async function revocation() {
  const act = {
    action: "revoke" as const,
    account: at.customer.account,
    grant: "A".repeat(22),
    object: "A".repeat(43),
    nonce: "A".repeat(43),
    at: new Date(at.system.clock.now()).toISOString(),
  };
  return { act: { act, assertion: await at.customer.assertion(act) }, askDeletion: false };
}
