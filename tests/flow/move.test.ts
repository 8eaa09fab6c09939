import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { openHouse } from "./house.ts";
import { customers, item, makeKit, patience, person } from "./person.ts";

const root = join(import.meta.dirname, "..", "..");
const EMAIL = "ottokarina@zwetschgenbaum.example";
const NEW_EMAIL = "ottokarina@barcola.example";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The server to which she moves. */
async function openServer(): Promise<{ issuer: string } & AsyncDisposable> {
  const folder = await scratchFolder();
  const issuer = `http://localhost:${await freePort()}`;
  const server = await startProcess(process.execPath, [join(root, "dist/server/main.js")], {
    cwd: root,
    env: { COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_DATA: folder.path },
    ready: { url: `${issuer}/.well-known/jwks.json` },
  });
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("moves to another server with a kit, and the shop follows", { timeout: 90_000 }, async () => {
  await using house = await openHouse();
  await using there = await openServer();
  await using customer = await person(browser, true);
  await using shopkeeper = await person(browser, true);
  const { page } = customer;

  // She shares her e-mail address with the shop.
  await page.goto(house.shop);
  await page.getByRole("button", { name: "Use my Counterfoil" }).click();
  await page.getByRole("button", { name: "Use a passkey to begin" }).click();
  const emails = item(page, "profile/emails").first();
  await emails.locator('input[data-kind="profile/emails"]').check();
  await emails.locator('[name="address"]').fill(EMAIL);
  await page.getByLabel("90 days").check();
  // The two answers do nothing in the first moment (C9).
  await page.waitForTimeout(700);
  await page.getByRole("button", { name: "Share 1 item" }).click();
  await page.getByText("Continue to Libreria Aldina").click();
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  expect(await customers(house, shopkeeper.page)).toContain(EMAIL);

  await page.goto(`${house.issuer}/safety`);
  await page.getByRole("button", { name: "Open my store" }).click();
  const kit = await makeKit(page);
  await page.getByRole("link", { name: "You" }).first().click();
  await page.getByRole("link", { name: "Move to another server" }).click();
  await page.getByLabel("Address of the new server").fill(there.issuer);
  await page.getByRole("button", { name: "Move there" }).click();
  await page.getByRole("button", { name: "Approve the move" }).click();
  const link = await page.getByRole("link", { name: "Go there" }).getAttribute("href");

  // At the new server: the link, the kit, a passkey of that address.
  await page.goto(link ?? "");
  await page.getByRole("button", { name: "Bring it here" }).click();
  await page.getByLabel("Code on the kit").fill(kit);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("button", { name: "Make a passkey here" }).click();
  await page.getByRole("heading", { name: "Your new kit" }).waitFor();
  await page.getByLabel("I have kept it").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("heading", { name: "Your store is here" }).waitFor();
  await page.getByRole("link", { name: "See my connections" }).click();
  await page.getByRole("link", { name: "Libreria Aldina" }).first().waitFor();

  // The shop has her row still, and hears at the new server of what changes there.
  expect(await customers(house, shopkeeper.page)).toContain(EMAIL);
  await page.goto(`${there.issuer}/data/reach`);
  await page.getByRole("button", { name: "Open my store" }).click();
  await page.locator("[data-edit]").first().click();
  await page.locator('[name="address"]').fill(NEW_EMAIL);
  await page.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => customers(house, shopkeeper.page), patience).toContain(NEW_EMAIL);

  // The old server knows only where she went.
  await page.goto(house.issuer);
  await page.getByText("Your details, in your hands").waitFor();
  expect([...customer.faults, ...shopkeeper.faults]).toEqual([]);
});
