import { afterAll, beforeAll, expect, test } from "vitest";
import { API, type Endpoint } from "#protocol/api.ts";
import { MOVE_API } from "#protocol/move-package.ts";
import { VENDOR_API } from "#protocol/vendor-api.ts";
import { problemOf, type Scene, scene } from "./scene.ts";
import { served } from "./served.ts";

let at: Scene;
beforeAll(async () => {
  at = await scene();
});
afterAll(() => at[Symbol.asyncDispose]());

const rows: Array<[string, Endpoint]> = Object.entries(API);
const vendorRows: Array<[string, Endpoint]> = Object.entries(VENDOR_API);
const all: Array<[string, Endpoint]> = [...rows, ...vendorRows, ...Object.entries(MOVE_API)];

test.each(rows)("%s of the table is served", async (_name, { method, path }) => {
  const response = await at.customer.api.raw(method, path.replace("{id}", "A".repeat(22)), method === "POST" ? { body: "{}" } : {});
  expect(await problemOfAny(response)).not.toMatch(/nothing at this address|^method_not_allowed$/);
});

async function problemOfAny(response: Response): Promise<string> {
  if (response.ok) return "served";
  const { code, text } = await problemOf(response);
  return code === "not_found" ? text : code;
}

test("no other endpoint is served under /api, and for vendors none that is in no table", async () => {
  const routes = (await served(at.system))
    .filter(({ path }) => ["/api", "/ssf", "/oauth/grants"].some((each) => path.startsWith(each)))
    .map(({ method, path }) => `${method} ${path}`);
  expect(routes.length).toBeGreaterThan(0);
  const named = all.map(([, { method, path }]) => `${method} ${path}`).filter((each) => !each.includes("/.well-known/"));
  expect(routes.sort()).toEqual(named.sort());
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

test.each(vendorRows.filter(([, { caller }]) => caller !== "anyone"))(
  "%s refuses who has no token, and a customer's cookie is none",
  async (_name, { method, path }) => {
    const { raw } = at.customer.api;
    const response = await raw.call(at.customer.api, method, path.replace("{id}", "A".repeat(22)), method === "GET" ? {} : { body: "{}" });
    expect(response.headers.get("www-authenticate")).toMatch(/^DPoP /);
    expect(await problemOf(response)).toMatchObject({ status: 401, code: "invalid_token" });
  },
);

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
