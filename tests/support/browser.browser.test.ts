import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAuthenticator, canImitateHmacSecret } from "./authenticator.ts";
import { checkAccessibility } from "./axe.ts";
import { launchBrowser } from "./browser.ts";

const strict = "default-src 'none'; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";
const good = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Good</title></head>
  <body><main><h1>Good</h1><p>Nothing to say.</p></main></body></html>`;
const bad = `<!doctype html><html><head><meta charset="utf-8"><title>Bad</title></head><body><main><h1>Bad</h1>
  <img src="/x.png"><input type="text"><a href="/">a</a><a href="/">b</a><button></button></main></body></html>`;

let browser: Browser;
let origin: string;
const server = createServer((request, response) => {
  response.setHeader("Content-Security-Policy", strict);
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(request.url === "/bad" ? bad : good);
});

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  server.close();
});

const create = (page: Page): Promise<{ enabled?: boolean; first?: string; id: string }> =>
  page.evaluate(async () => {
    const salt = new Uint8Array(32).fill(7);
    const credential = (await navigator.credentials.create({
      publicKey: {
        rp: { name: "Counterfoil", id: "localhost" },
        user: { id: new Uint8Array(16).fill(1), name: "store", displayName: "store" },
        challenge: new Uint8Array(32),
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        extensions: { prf: { eval: { first: salt } } },
      },
    })) as PublicKeyCredential;
    const prf = credential.getClientExtensionResults().prf;
    const first = prf?.results?.first as ArrayBuffer | undefined;
    return {
      id: credential.id,
      ...(prf?.enabled === undefined ? {} : { enabled: prf.enabled }),
      ...(first ? { first: String(new Uint8Array(first)) } : {}),
    };
  });

const get = (page: Page): Promise<{ first?: string; id: string }> =>
  page.evaluate(async () => {
    const salt = new Uint8Array(32).fill(7);
    const credential = (await navigator.credentials.get({
      publicKey: {
        challenge: new Uint8Array(32),
        rpId: "localhost",
        userVerification: "required",
        extensions: { prf: { eval: { first: salt } } },
      },
    })) as PublicKeyCredential;
    const first = credential.getClientExtensionResults().prf?.results?.first as ArrayBuffer | undefined;
    return { id: credential.id, ...(first ? { first: String(new Uint8Array(first)) } : {}) };
  });

describe("virtual authenticator", () => {
  test("with PRF: the same 32 bytes at creation and at every login", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    await using authenticator = await addAuthenticator(page);
    const created = await create(page);
    expect(created.enabled).toBe(true);
    expect(created.first?.split(",")).toHaveLength(32);
    expect(await get(page)).toEqual({ id: created.id, first: created.first });
    await page.reload();
    expect(await get(page)).toEqual({ id: created.id, first: created.first });
    expect(await authenticator.credentials()).toMatchObject([{ rpId: "localhost", isResidentCredential: true }]);
  });

  test("with hmac-secret alone: PRF only at login", async ({ skip }) => {
    skip(!canImitateHmacSecret(browser), "this browser can't imitate such a key");
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    await using _ = await addAuthenticator(page, { prf: "hmac-secret" });
    const created = await create(page);
    expect(created).toEqual({ id: created.id, enabled: true });
    expect((await get(page)).first?.split(",")).toHaveLength(32);
  });

  test("without PRF: login works and gives no bytes", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    await using authenticator = await addAuthenticator(page, { prf: false });
    const created = await create(page);
    expect(created.enabled).not.toBe(true);
    expect(await get(page)).toEqual({ id: created.id });
    await authenticator.setUserVerified(false);
    await expect(get(page)).rejects.toThrow("NotAllowedError");
  });
});

describe("axe under a strict policy", () => {
  test("a clean page has no violation", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    const report = await checkAccessibility(page);
    expect(report.violations).toEqual([]);
    expect(report.checked).toBeGreaterThan(8);
  });

  test("faults are found, target size among them", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/bad`);
    const { violations } = await checkAccessibility(page);
    const rules = violations.map((it) => it.rule);
    expect(rules).toEqual(expect.arrayContaining(["html-has-lang", "image-alt", "label", "button-name", "target-size"]));
    expect(violations.find((it) => it.rule === "image-alt")?.elements[0]?.selector).toBe("img");
  });
});
