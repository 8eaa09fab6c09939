import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Scene, scene } from "./scene.ts";
import { served } from "./served.ts";

type Operation = { operationId: string; summary: string };
interface Document {
  openapi: string;
  servers: Array<{ url: string }>;
  paths: Record<string, Record<string, Operation>>;
}

let at: Scene;
let document: Document;
beforeAll(async () => {
  at = await scene();
  document = (await (await fetch(`${at.system.issuer}/openapi.json`)).json()) as Document;
});
afterAll(() => at[Symbol.asyncDispose]());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, ...operation })),
  );

test("it is a valid OpenAPI 3.1 document of this server", async () => {
  expect(document.openapi).toBe("3.1.0");
  expect(document.servers).toEqual([{ url: at.system.issuer }]);
  expect(await new Validator().validate(document as never)).toMatchObject({ valid: true });
  const names = operations().map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
});

test("whatever it names is served", async () => {
  expect(operations().length).toBeGreaterThan(40);
  for (const { method, path } of operations()) {
    const response = await at.customer.api.raw(method, path.replace("{id}", "A".repeat(22)), method === "GET" ? {} : { body: "{}" });
    const text = await response.text();
    expect(`${method} ${path} ${response.status} ${text}`).not.toMatch(/nothing at this address|"code":"method_not_allowed"/);
    expect(response.status, `${method} ${path}`).toBeLessThan(500);
  }
});

test("whatever is served, but the app's own pages and files, is named by it", async () => {
  const routes = (await served(at.system))
    .map(({ method, path }) => `${method} ${path}`)
    .filter((each) => /^\w+ \/(api|oauth|ssf|\.well-known|openapi\.json|contexts|health|ready)(\/|$)/.test(each));
  expect(routes.length).toBeGreaterThan(40);
  expect(routes.sort()).toEqual(
    operations()
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  );
});

test("Global Privacy Control is said to be honoured", async () => {
  const answer = await fetch(`${at.system.issuer}/.well-known/gpc.json`);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.json()).toEqual({ gpc: true, lastUpdate: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
});
