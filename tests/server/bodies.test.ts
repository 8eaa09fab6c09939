import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { problemOf, type Scene, scene } from "./scene.ts";

let at: Scene;
beforeAll(async () => {
  at = await scene();
});
afterAll(() => at[Symbol.asyncDispose]());

const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) => at.customer.api.raw("POST", path, { body, headers });

describe("a body", () => {
  test.each([
    ["not JSON", "{", {}, 400, "malformed_body"],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), {}, 400, "malformed_body"],
    ["of another type", "{}", { "content-type": "text/plain" }, 415, "unsupported_media_type"],
    ["a form", "a=b", { "content-type": "application/x-www-form-urlencoded" }, 415, "unsupported_media_type"],
    ["an array", "[]", {}, 400, "malformed_body"],
    ["null", "null", {}, 400, "malformed_body"],
    ["larger than any but a commit may be", `"${"x".repeat(65_536)}"`, {}, 413, "body_too_large"],
  ] as const)("%s is refused", async (_name, body, headers, status, code) => {
    expect(await problemOf(await post("/api/logins", body as BodyInit, headers))).toMatchObject({ status, code });
  });

  test("that is a commit may be larger, up to the limit", async () => {
    const sent = async (size: number) => problemOf(await post("/api/store/commits", `"${"x".repeat(size - 2)}"`));
    expect(await sent(LIMITS.body)).toMatchObject({ code: "malformed_body" });
    expect(await sent(LIMITS.body + 1)).toMatchObject({ code: "body_too_large" });
  });

  test("of one who is not signed in is not even read where that is needed", async () => {
    const response = await post("/api/store/commits", `"${"x".repeat(LIMITS.body + 1)}"`, { cookie: "counterfoil=nobody" });
    expect(await problemOf(response)).toMatchObject({ code: "unauthenticated" });
  });

  test("larger than the limit, sent in pieces without a length, is refused", async () => {
    const { hostname, port } = new URL(at.system.issuer);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sending = request(
        {
          hostname,
          port,
          path: "/api/logins",
          method: "POST",
          headers: {
            "content-type": "application/json",
            "sec-fetch-site": "same-origin",
            origin: at.system.issuer,
            "transfer-encoding": "chunked",
          },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      sending.on("error", reject);
      for (let sent = 0; sent <= LIMITS.body; sent += 65_536) sending.write("x".repeat(65_536));
      sending.end();
    });
    expect(status).toBe(413);
  });

  test.each([
    ["an unknown member", { locator: "A".repeat(43), extra: 1 }, "/extra"],
    ["a missing member", {}, "/locator"],
    ["a member of another kind", { locator: 7 }, "/locator"],
    ["a member that is too short", { locator: "A" }, "/locator"],
  ])("with %s is refused and shown where", async (_name, body, pointer) => {
    const problem = await problemOf(await post("/api/recoveries", JSON.stringify(body)));
    expect(problem).toMatchObject({ status: 400, code: "invalid_input", pointer });
  });

  test("with PRF output in an assertion is refused: it must never travel", async () => {
    const { id, options } = await at.customer.api.call("loginOptions");
    const assertion = at.customer.passkey.get({
      challenge: (options as { challenge: string }).challenge,
      origin: at.system.issuer,
      rpId: at.customer.rpId,
    });
    const leaking = { ...assertion, clientExtensionResults: { prf: { results: { first: "c2VjcmV0" } } } };
    expect(await problemOf(await post("/api/logins", JSON.stringify({ login: id, assertion: leaking })))).toMatchObject({
      code: "invalid_input",
      pointer: "/assertion/clientExtensionResults/prf",
    });
  });

  test("a deep unknown member is shown in full, and no value of the request is repeated", async () => {
    const body = await at.customer.draft({ records: { "profile/name": { value: null } } });
    const [record] = body.records;
    const problem = await problemOf(
      await post("/api/store/commits", JSON.stringify({ ...body, records: [{ ...record, plaintext: "a-secret-value" }] })),
    );
    expect(problem).toMatchObject({ code: "invalid_input", pointer: "/records/0/plaintext" });
    expect(problem.text).not.toContain("a-secret-value");
  });
});

describe("an unknown parameter in the address", () => {
  test.each(["/api/session?x=1", "/api/store?since=1&since=2", "/api/store?unknown=1"])("%s is refused", async (path) => {
    expect(await problemOf(await at.customer.api.raw("GET", path))).toMatchObject({ status: 400, code: "invalid_input" });
  });
});

describe("another origin", () => {
  test.each([
    ["another site", "POST", { "sec-fetch-site": "cross-site" }],
    ["another port of this host", "POST", { "sec-fetch-site": "same-site" }],
    ["another Origin", "POST", { origin: "https://evil.example" }],
    ["another site's GET with the cookie", "GET", { "sec-fetch-site": "same-site" }],
    ["a navigation", "GET", { "sec-fetch-site": "none" }],
  ])("%s can't use the session", async (_name, method, headers) => {
    const response = await at.customer.api.raw(method, method === "GET" ? "/api/session" : "/api/acts", {
      headers,
      ...(method === "POST" ? { body: "{}" } : {}),
    });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden_origin" });
  });

  test("gets no permission to read an answer", async () => {
    const response = await at.customer.api.raw("GET", "/api/session");
    expect(response.status).toBe(200);
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

test("an address that is not there, and a method that it does not take", async () => {
  expect(await problemOf(await at.customer.api.raw("GET", "/api/stores"))).toMatchObject({ status: 404, code: "not_found" });
  const response = await at.customer.api.raw("DELETE", "/api/session");
  expect(response.headers.get("allow")).toBe("GET");
  expect(await problemOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
  expect(await problemOf(await at.customer.api.raw("GET", "/api/requests/not-an-id"))).toMatchObject({ status: 404 });
});
