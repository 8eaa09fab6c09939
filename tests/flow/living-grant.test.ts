import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { searchPlaintext } from "../support/plaintext-search.ts";
import { type House, openHouse } from "./house.ts";
import { customers, item, openStore, type Person, patience, person } from "./person.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const SHOP = "Libreria Aldina";
/** Answers count for nothing while a request has only just come into view. */
const INERT = 700;
const VALUES = {
  given: "Ottokarina",
  surname: "Zwetschgenbaum",
  email: "ottokarina@zwetschgenbaum.example",
  phone: "+39040555017",
  street: "Androna dei Coppa 3/ter",
  postcode: "TS-34122-Q",
  town: "Barcola-Roiano",
};

async function type(page: Page, kind: string, fields: Record<string, string>): Promise<void> {
  const row = item(page, kind).first();
  await row.locator(`input[data-kind="${kind}"]`).check();
  for (const [name, value] of Object.entries(fields)) {
    const field = row.locator(`[name="${name}"]`);
    if (name === "countryCode") await field.selectOption(value);
    else await field.fill(value);
  }
}

async function goOn(page: Page): Promise<void> {
  const name = `Continue to ${SHOP}`;
  await page.getByRole("button", { name }).or(page.getByRole("link", { name })).click();
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
}

/** From the shop with nothing, to its customer's card. */
async function share(house: House, { page }: Person): Promise<void> {
  await page.goto(house.shop);
  await page.getByRole("button", { name: "Use my Counterfoil" }).click();
  await page.getByRole("button", { name: "Use a passkey to begin" }).click();
  await item(page, "profile/name").first().waitFor();
  await type(page, "profile/name", { given: VALUES.given, surname: VALUES.surname });
  await type(page, "profile/emails", { address: VALUES.email });
  await type(page, "profile/addresses", {
    street: VALUES.street,
    postcode: VALUES.postcode,
    locality: VALUES.town,
    countryCode: "IT",
  });
  for (const kind of ["profile/name", "profile/addresses"]) await item(page, kind).first().getByRole("radio").last().check();
  await page.getByLabel("90 days").check();
  await page.getByRole("button", { name: "Share 3 items" }).click();
  await goOn(page);
}

/** What the shop's list says by itself: nobody syncs, so only what was pushed to it can have changed it. */
const listed = (house: House, page: Page) => customers(house, page, { sync: false });

const openConnection = async (house: House, who: Person): Promise<void> => {
  await openStore(who.page, house, who);
  await who.page.getByRole("link", { name: "Connections" }).first().click();
  const ended = who.page.locator("summary").filter({ hasText: "1 ended" });
  const stub = who.page.getByRole("link", { name: SHOP });
  await ended.or(stub).first().waitFor();
  if (await ended.isVisible()) await ended.click();
  await stub.first().click();
  await who.page.getByRole("heading", { level: 1, name: SHOP }).waitFor();
};

async function stop(page: Page): Promise<void> {
  await page.getByRole("button", { name: `Stop ${SHOP}` }).click();
  await page.getByRole("button", { name: "Stop and ask to delete" }).click();
  await page.getByText(`${SHOP} is stopped.`).first().waitFor();
}

describe("a grant that lives on", () => {
  it("is widened in part, narrowed and stopped, and the shop follows at once", { timeout: 90_000 }, async () => {
    await using house = await openHouse();
    await using customer = await person(browser, true);
    await using shopkeeper = await person(browser, true);
    const { page } = customer;
    await share(house, customer);
    const first = await listed(house, shopkeeper.page);
    for (const value of [VALUES.given, VALUES.email, VALUES.street]) expect(first).toContain(value);

    // The shop asks for more.
    await page.getByRole("button", { name: "Add my phone number" }).click();
    await page.getByRole("heading", { level: 1, name: `${SHOP} wants to change what it can read` }).waitFor();
    await page.getByRole("button", { name: "Open my store" }).click();

    // Yes to the number, no more to the address: what was ticked is what the shop holds.
    await page.locator("input[data-keep]").check();
    const prompts = await customer.prompts();
    await item(page, "profile/addresses").first().locator('input[type="checkbox"]').first().uncheck();
    await type(page, "profile/phones", { number: VALUES.phone });
    await page.waitForTimeout(INERT);
    await page.getByRole("button", { name: "Change what they see" }).click();
    await page.getByRole("heading", { name: `Changed: what ${SHOP} can read` }).waitFor();
    expect((await customer.prompts()) - prompts).toBe(1);
    await goOn(page);
    const changed = await listed(house, shopkeeper.page);
    for (const value of [VALUES.given, VALUES.email, VALUES.phone]) expect(changed).toContain(value);
    for (const value of [VALUES.street, VALUES.postcode, VALUES.town]) expect(changed).not.toContain(value);

    // An order, while the name is on the card.
    await page.getByRole("button", { name: /^Order / }).click();
    await page.getByText(/^Ordered: .+, invoice \d{4}-1$/).waitFor();

    // Share less: no passkey, and the shop's row follows by itself.
    await openConnection(house, customer);
    const before = await customer.prompts();
    await page.getByRole("button", { name: "Share less" }).click();
    await page.locator('form input[data-path^="profile/phones"]').uncheck();
    await page.locator("form").getByRole("button", { name: "Share less" }).click();
    expect(await page.getByRole("button", { name: "Keep it as it is" }).evaluate((button) => button === document.activeElement)).toBe(true);
    await page.getByRole("dialog").getByRole("button", { name: "Share less" }).click();
    await page.getByText(`${SHOP} can read less now.`).first().waitFor();
    expect(await customer.prompts()).toBe(before);
    await expect.poll(() => listed(house, shopkeeper.page), patience).not.toContain(VALUES.phone);
    expect(await listed(house, shopkeeper.page)).toContain(VALUES.email);

    // Asked again, she says no: nothing changes, and the shop is held to it.
    const less = await listed(house, shopkeeper.page);
    await page.goto(`${house.shop}/welcome`);
    await page.getByRole("button", { name: "Add my phone number" }).click();
    await page.getByRole("button", { name: "Leave as it is" }).waitFor();
    await page.waitForTimeout(INERT);
    await page.getByRole("button", { name: "Leave as it is" }).click();
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
    await page.getByRole("button", { name: "Add my phone number" }).click();
    await page.getByRole("heading", { name: "You said no to this not long ago" }).waitFor();
    expect(await listed(house, shopkeeper.page)).toBe(less);

    // She can think better of it herself, from the shop's first page, and has her card there still.
    await page.goto(house.shop);
    await page.getByRole("button", { name: "Use my Counterfoil" }).click();
    await page.getByRole("heading", { level: 1, name: `You said no to ${SHOP}` }).waitFor();
    await page.waitForTimeout(INERT);
    await page.getByRole("button", { name: "I’ve changed my mind" }).click();
    await page.getByRole("heading", { level: 1, name: `${SHOP} asks to read` }).waitFor();
    await page.goto(`${house.shop}/welcome`);
    await page.getByRole("button", { name: "Add my phone number" }).click();
    await page.getByRole("heading", { level: 1, name: `${SHOP} wants to change what it can read` }).waitFor();
    await openConnection(house, customer);

    // Stopped: the row goes by itself, the invoice stays, and both sides say so.
    await stop(page);
    await expect
      .poll(() => listed(house, shopkeeper.page), patience)
      .toMatch(/erased, stopped on[\s\S]*the customer was told so[\s\S]*Kept: invoice/);
    const drawer = JSON.parse(await readFile(house.customers, "utf8")) as {
      cards: unknown[];
      invoices: Array<{ number: string; until: string }>;
    };
    expect(drawer.cards).toEqual([]);
    const [invoice] = drawer.invoices;
    expect(drawer.invoices).toHaveLength(1);
    expect(await searchPlaintext([VALUES.email, VALUES.phone, VALUES.street], { paths: [house.customers] })).toEqual([]);
    const deletion = page.locator('[data-rule="deletion"]');
    await expect.poll(() => deletion.innerText(), patience).toMatch(/Deleted on .+, but it says that it keeps:/);
    const kept = await deletion.innerText();
    expect(kept).toContain(`invoice ${invoice?.number}`);
    expect(kept).toContain(`until 31 Dec ${invoice?.until.slice(0, 4)}`);
    expect(kept).toContain("with the name and the address on it");
    expect([...customer.faults, ...shopkeeper.faults]).toEqual([]);
  });

  it("is stopped while the shop is shut, and reaches it when it opens again", { timeout: 90_000 }, async () => {
    await using house = await openHouse();
    await using customer = await person(browser, true);
    const { page } = customer;
    await share(house, customer);
    await house.closeShop();
    await openConnection(house, customer);
    await stop(page);
    const deletion = page.locator('[data-rule="deletion"]');
    await expect.poll(() => deletion.innerText(), patience).toContain("Deletion: waiting until");
    expect(await readFile(house.customers, "utf8")).toContain(VALUES.email);

    await house.reopenShop();
    await expect.poll(() => readFile(house.customers, "utf8"), { timeout: 30_000 }).not.toContain(VALUES.email);
    await openConnection(house, customer);
    await expect.poll(() => deletion.innerText(), patience).toContain("Confirmed deleted on");
    expect(customer.faults).toEqual([]);
  });
});
