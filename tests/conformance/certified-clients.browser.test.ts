import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { item, person } from "../flow/person.ts";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import type { Driver } from "./driver.ts";
import { oauth4webapiDriver } from "./oauth4webapi-driver.ts";
import { openidClientDriver } from "./openid-client-driver.ts";

const root = join(import.meta.dirname, "..", "..");
const EMAIL = "ottavia@posta.example";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("lets oauth4webapi and openid-client through from discovery to revocation, with Ed25519 and ES256 keys", async () => {
  await using folder = await scratchFolder();
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  await using _server = await startProcess(process.execPath, [join(root, "dist/server/main.js")], {
    cwd: root,
    env: { COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_PORT: String(port), COUNTERFOIL_DATA: folder.path },
    ready: /listens on/,
  });
  await using customer = await person(browser, true);
  const { page } = customer;
  const drivers: Driver[] = [];
  for (const make of [oauth4webapiDriver, openidClientDriver])
    for (const alg of ["Ed25519", "ES256"] as const) drivers.push(await make(issuer, alg));

  // All push at once: in its first seconds a server asks each for a nonce.
  const urls: URL[] = [];
  for (const driver of drivers) urls.push(await driver.begin());
  for (const { name, nonces } of drivers) expect(nonces(), name).toBe(1);

  for (const [index, driver] of drivers.entries()) {
    await page.goto(urls[index]?.href ?? "");
    await (index === 0 ? giveFirst(page) : give(page));
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
    expect(driver.documents.arrivals).toHaveLength(1);
    await standsUp(driver, issuer);
    // Before a second grant there must be a kit.
    if (index === 0) await makeKit(page, issuer);
    await driver[Symbol.asyncDispose]();
  }
  expect(customer.faults).toEqual([]);
});

async function standsUp(client: Driver, issuer: string): Promise<void> {
  const [back] = client.documents.arrivals;
  const { access, refresh, grant } = await client.redeem(new URL(`${back?.pathname}${back?.search}`, client.documents.origin));
  const url = new URL(`${issuer}/api/grants/${grant}/records`);
  const first = await client.pull(access, url);
  expect(first.records?.map(({ path }) => path)).toEqual([expect.stringMatching(/^profile\/emails\//)]);
  const { clientId } = client.documents;
  expect(await client.accepted()).toMatchObject({ iss: issuer, aud: `${issuer}/api`, client_id: clientId, grant_id: grant });

  const fresh = await client.refresh(refresh);
  expect(fresh).not.toBe(access);
  expect((await client.pull(fresh, url)).records).toHaveLength(1);
  expect(await client.accepted()).toMatchObject({ client_id: clientId });

  // Whether they are active, as JSON and as a signed answer.
  for (const introspect of [client.introspect, client.introspectSigned]) {
    expect(await introspect(fresh)).toMatchObject({ active: true, client_id: clientId, cnf: { jkt: expect.any(String) } });
    expect(await introspect(refresh)).toMatchObject({ active: true, client_id: clientId });
    expect(await introspect("no-token-of-anyone")).toEqual({ active: false });
  }

  // At the vendor's word none of them holds, for the very next request.
  await client.revoke(refresh);
  for (const token of [fresh, refresh]) {
    expect(await client.introspect(token)).toEqual({ active: false });
    expect(await client.introspectSigned(token)).toEqual({ active: false });
  }
  await expect(client.pull(fresh, url)).rejects.toMatchObject({ status: 401 });
  await expect(client.refresh(refresh)).rejects.toMatchObject({ error: "invalid_grant" });
  // Once more is no fault (RFC 7009, 2.2).
  await client.revoke(refresh);
}

/** She has nothing yet: a store, an e-mail address, and a yes. */
async function giveFirst(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Use a passkey to begin" }).click();
  const row = item(page, "profile/emails").first();
  await row.locator('input[data-kind="profile/emails"]').check();
  await row.locator('[name="address"]').fill(EMAIL);
  await share(page);
}

async function give(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Open my store" }).click();
  await item(page, "profile/emails").first().locator('input[data-kind="profile/emails"]').check();
  await share(page);
}

async function share(page: Page): Promise<void> {
  await page.getByLabel("90 days").check();
  // The two answers do nothing in the first moment (C9).
  await page.waitForTimeout(650);
  await page.getByRole("button", { name: "Share 1 item" }).click();
  await page.getByText(/^Continue to /).click();
}

async function makeKit(page: Page, issuer: string): Promise<void> {
  await page.goto(`${issuer}/safety`);
  await page.getByRole("button", { name: "Open my store" }).click();
  await page.getByRole("button", { name: "Make a kit" }).click();
  const sheet = await page.getByRole("list", { name: "Code" }).innerText();
  const groups = sheet.match(/\b[A-Z2-7]{4}\b/g) ?? [];
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page
    .getByLabel(/^Group \d$/)
    .first()
    .waitFor();
  for (const field of await page.getByLabel(/^Group \d$/).all()) {
    const label = (await field.evaluate((input) => (input as HTMLInputElement).labels?.[0]?.textContent)) ?? "";
    await field.fill(groups[Number(/\d/.exec(label)?.[0]) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Check and activate" }).click();
  await page.getByText("Your kit works").first().waitFor();
}
