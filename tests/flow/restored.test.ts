import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { openHouse } from "./house.ts";
import { customers, item, makeKit, patience, person } from "./person.ts";

const EMAIL = "ottokarina@zwetschgenbaum.example";
const LOST = "ottokarina@barcola.example";
const NEW = "ottokarina@opicina.example";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("a server that was put back says so; one approval lets the shop read again, and what was stopped meanwhile stays stopped", {
  timeout: 90_000,
}, async () => {
  await using house = await openHouse();
  await using customer = await person(browser, true);
  await using shopkeeper = await person(browser, true);
  const { page } = customer;
  const picture = async (name: string) => {
    const folder = process.env.PUT_BACK_PICTURES;
    if (folder) await page.screenshot({ path: join(folder, `flow-${name}.png`), fullPage: true });
  };
  const share = async () => {
    await emails().locator('input[data-kind="profile/emails"]').check();
    await page.getByLabel("90 days").check();
    // Its buttons do nothing for a moment.
    await page.waitForTimeout(700);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByText("Continue to Libreria Aldina").click();
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
  };
  const emails = () => item(page, "profile/emails").first();
  const opened = async (path = "/") => {
    await page.goto(`${house.issuer}${path}`);
    const unlock = page.getByRole("button", { name: "Open my store" });
    const store = page.getByRole("button", { name: "Lock" });
    await unlock
      .or(store)
      .or(page.getByRole("button", { name: "I have a store" }))
      .first()
      .waitFor();
    if (await unlock.isVisible()) await unlock.click();
    else if (!(await store.isVisible())) await page.getByRole("button", { name: "I have a store" }).click();
    await store.waitFor();
  };

  // She shares her address, makes a kit, and shares it once more, as another customer of the same shop.
  await page.goto(house.shop);
  await page.getByRole("button", { name: "Use my Counterfoil" }).click();
  await page.getByRole("button", { name: "Use a passkey to begin" }).click();
  await emails().locator('input[data-kind="profile/emails"]').check();
  await emails().locator('[name="address"]').fill(EMAIL);
  await share();
  await opened("/safety");
  await makeKit(page);
  await customer.context.clearCookies({ domain: new URL(house.shop).hostname });
  await page.goto(house.shop);
  await page.getByRole("button", { name: "Use my Counterfoil" }).click();
  await page.getByRole("button", { name: "Open my store" }).click();
  await share();
  expect(await customers(house, shopkeeper.page)).toContain(EMAIL);
  const putBack = await house.backUp();

  // After the copy: another address, which the shop reads.
  await opened("/data/reach");
  await page.locator("[data-edit]").first().click();
  await page.locator('[name="address"]').fill(LOST);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(LOST).first().waitFor();
  await expect.poll(() => customers(house, shopkeeper.page), patience).toContain(LOST);
  // And one of the two is stopped.
  await page.getByRole("link", { name: "Connections" }).first().click();
  await page.getByRole("button", { name: "Stop Libreria Aldina" }).first().click();
  await page.getByRole("button", { name: "Stop only" }).click();
  await page.getByText("1 ended").waitFor();
  await putBack();

  await opened();
  await page.getByText("Newer changes of yours are not on it.", { exact: false }).waitFor();
  await page.getByRole("link", { name: "See what that means" }).click();
  await picture("behind");
  await page.getByRole("button", { name: "Go on from here" }).click();
  await page.getByRole("heading", { name: "Who may read again?" }).waitFor();
  await picture("paused");
  const prompts = await customer.prompts();
  expect(await page.getByRole("checkbox").count()).toBe(1);
  await page.getByRole("checkbox", { name: "Libreria Aldina" }).check();
  await page.getByRole("button", { name: "Let 1 shop read again" }).click();
  await page.getByText("No shop is paused because of it.").waitFor();
  expect((await customer.prompts()) - prompts).toBe(1);
  await page.getByRole("link", { name: "See my connections" }).click();
  await page.getByText("1 shop can read something").waitFor();
  await page.getByText("1 ended").waitFor();

  // The shop reads on: what it has of later is replaced by what there is, and by what comes.
  await expect.poll(() => customers(house, shopkeeper.page), patience).toContain(EMAIL);
  await opened("/data/reach");
  await page.locator("[data-edit]").first().click();
  await page.locator('[name="address"]').fill(NEW);
  await page.getByRole("button", { name: "Save" }).click();
  await expect.poll(() => customers(house, shopkeeper.page), patience).toContain(NEW);
  expect([...customer.faults, ...shopkeeper.faults]).toEqual([]);
});
