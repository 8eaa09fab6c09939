import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PrfSupport } from "../support/authenticator.ts";
import { launchBrowser } from "../support/browser.ts";
import { searchPlaintext } from "../support/plaintext-search.ts";
import { openHouse } from "./house.ts";
import { customers, item, openStore, patience, person } from "./person.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** What one person types. Each is unmistakable: it turns up nowhere by chance. */
const VALUES = {
  given: "Wilhelmintje",
  surname: "Quackenbosch-Ferrandini",
  shared: "wilhelmintje@quackenbosch.example",
  kept: "secret-second-box@ferrandini.example",
  changed: "moved-to@neue-adresse.example",
  street: "Riva Tre Novembre 77/bis",
  postcode: "TS-34121-X",
  town: "Grignano-Prosecco",
};

async function type(page: Page, kind: string, at: number, fields: Record<string, string>): Promise<void> {
  const row = item(page, kind).nth(at);
  await row.locator(`input[data-kind="${kind}"]`).check();
  for (const [name, value] of Object.entries(fields)) {
    const field = row.locator(`[name="${name}"]`);
    if (name === "countryCode") await field.selectOption(value);
    else await field.fill(value);
  }
}

/** Reads the kit's eight groups from the sheet, and proves that it was kept. */
async function makeKit(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Make a kit" }).click();
  const groups = await groupsOf(page);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page
    .getByLabel(/^Group \d$/)
    .first()
    .waitFor();
  for (const field of await page.getByLabel(/^Group \d$/).all()) {
    const label = (await field.evaluate((input) => (input as HTMLInputElement).labels?.[0]?.textContent)) ?? "";
    await field.fill(groups[Number(/\d/.exec(label)?.[0]) - 1] as string);
  }
  await page.getByRole("button", { name: "Check and activate" }).click();
  await page.getByText("Your kit works").first().waitFor();
  return groups.join(" ");
}

async function groupsOf(page: Page): Promise<string[]> {
  const sheet = await page.getByRole("list", { name: "Code" }).innerText();
  const groups = sheet.match(/\b[A-Z2-7]{4}\b/g) ?? [];
  expect(groups).toHaveLength(8);
  return groups;
}

describe.each<{ name: string; prf: PrfSupport }>([
  { name: "a passkey that opens the store", prf: true },
  { name: "a passkey without PRF", prf: false },
])("the first thread, with $name", ({ prf }) => {
  it("goes from the shop into its customer list, to a second browser, and is stopped", { timeout: 240_000 }, async () => {
    await using house = await openHouse();
    await using first = await person(browser, prf);
    const { page } = first;

    // From the shop, with nothing, to a store: one prompt.
    await page.goto(house.shop);
    await page.getByRole("button", { name: "Use my Counterfoil" }).click();
    await page.getByRole("heading", { level: 1, name: "Libreria Aldina asks to read" }).waitFor();
    await page.getByRole("button", { name: "Use a passkey to begin" }).click();
    await item(page, "profile/name").first().waitFor();
    expect(await first.prompts()).toBe(1);

    // Everything is typed here; the name is left unticked.
    await type(page, "profile/name", 0, { given: VALUES.given, surname: VALUES.surname });
    await item(page, "profile/name").first().locator("input[type=checkbox]").uncheck();
    await type(page, "profile/emails", 0, { address: VALUES.shared });
    await page.getByRole("button", { name: "Add another e-mail" }).click();
    await type(page, "profile/emails", 1, { address: VALUES.kept });
    await item(page, "profile/emails").nth(1).locator("input[type=checkbox]").first().uncheck();
    await type(page, "profile/addresses", 0, {
      street: VALUES.street,
      postcode: VALUES.postcode,
      locality: VALUES.town,
      countryCode: "IT",
    });
    await item(page, "profile/addresses").first().getByLabel("only the town").check();
    await expect.poll(() => item(page, "profile/addresses").first().locator("output").innerText()).toContain(VALUES.town);
    expect(await item(page, "profile/addresses").first().locator("output").innerText()).not.toContain(VALUES.street);
    await page.getByLabel("90 days").check();
    await page.getByRole("button", { name: "Share 2 items" }).click();
    await page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
    expect(await first.prompts()).toBe(2);
    await page
      .getByRole("button", { name: "Continue to Libreria Aldina" })
      .or(page.getByRole("link", { name: "Continue to Libreria Aldina" }))
      .click();
    await page.getByRole("heading", { name: "Thank you" }).waitFor();

    // The shop's own list shows exactly that.
    const listed = await customers(house, page);
    expect(listed).toContain(VALUES.shared);
    expect(listed).toContain(VALUES.town);
    for (const kept of [VALUES.given, VALUES.surname, VALUES.kept, VALUES.street, VALUES.postcode]) expect(listed).not.toContain(kept);
    const ends = new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10);
    await expect.poll(() => page.locator(`main time[datetime^="${ends}"]`).count(), patience).toBeGreaterThan(0);

    // The rest of what she has goes into the store by hand.
    await openStore(page, house, first);
    await page.getByRole("link", { name: "My data" }).first().click();
    await addData(page, "About me", "Add name", { given: VALUES.given, surname: VALUES.surname });
    await addData(page, "E-mail and phone", "Add e-mail", { address: VALUES.kept });

    // The kit is made and confirmed.
    await page.getByRole("link", { name: "Safety" }).first().click();
    const kit = await makeKit(page);

    // A second browser is opened with the kit, keeps the first one, and gets a passkey of its own.
    await using second = await person(browser, prf);
    await second.page.goto(`${house.issuer}/safety/recover`);
    await second.page.getByLabel("Code on the kit").fill(kit.toLowerCase());
    await second.page.getByRole("button", { name: "Open", exact: true }).click();
    await second.page.getByRole("button", { name: "Make a passkey here" }).waitFor();
    for (const keep of await second.page.getByLabel("Keep", { exact: true }).all()) await keep.check();
    await second.page.getByRole("button", { name: "Make a passkey here" }).click();
    const newKit = (await groupsOf(second.page)).join(" ");
    expect(newKit).not.toBe(kit);
    await second.page.getByLabel("I have kept it").check();
    await second.page.getByRole("button", { name: "Done" }).click();

    // The e-mail is changed there, the shop syncs, both browsers agree.
    await second.page.getByRole("link", { name: "My data" }).first().click();
    await second.page.getByRole("link", { name: "E-mail and phone" }).click();
    await second.page.getByRole("button", { name: `Edit ${VALUES.shared}` }).click();
    await second.page.locator('[name="address"]').fill(VALUES.changed);
    await second.page.getByRole("button", { name: "Save", exact: true }).click();
    await second.page.getByText(VALUES.changed).first().waitFor();
    await using shopkeeper = await person(browser, prf);
    const synced = await customers(house, shopkeeper.page);
    expect(synced).toContain(VALUES.changed);
    expect(synced).not.toContain(VALUES.shared);
    await openStore(page, house, first);
    await page.getByRole("link", { name: "My data" }).first().click();
    await page.getByRole("link", { name: "E-mail and phone" }).click();
    await page.getByText(VALUES.changed).first().waitFor();
    const found = await searchPlaintext([VALUES.changed, VALUES.town], { paths: [house.customers] });
    expect(new Set(found.map(({ value }) => value))).toEqual(new Set([VALUES.changed, VALUES.town]));

    // Nothing of it is anywhere in the server, while everything still runs.
    const everything = [...Object.values(VALUES), kit.replaceAll(" ", ""), newKit.replaceAll(" ", "")];
    await house.snapshot();
    const serverSide = async (values: string[]) =>
      (await searchPlaintext(values, { buffers: { requests: house.sent(), log: house.log() }, paths: [house.data, house.heap()] })).map(
        ({ value, place }) => `${value} in ${place}`,
      );
    expect(await serverSide(everything)).toEqual([]);
    const control = await serverSide(["Libreria Aldina S.r.l."]);
    for (const place of [house.data, house.heap()]) expect(control.some((each) => each.includes(place))).toBe(true);
    const secret = await first.prf();
    expect(secret).toHaveLength(prf ? 32 : 0);
    for (const written of prf ? [secret, secret.toString("base64url"), secret.toString("base64").slice(0, 42), secret.toString("hex")] : [])
      expect(house.sent().includes(written)).toBe(false);

    // Stopped from the list: one click, one confirm, one passkey.
    await page.getByRole("link", { name: "Connections" }).first().click();
    const before = await first.prompts();
    await page.getByRole("button", { name: "Stop Libreria Aldina" }).click();
    expect(await page.getByRole("button", { name: "Keep sharing" }).evaluate((button) => button === document.activeElement)).toBe(true);
    await page.getByRole("button", { name: "Stop and ask to delete" }).click();
    await page.getByText("Libreria Aldina is stopped.").first().waitFor();
    expect((await first.prompts()) - before).toBe(1);

    // The very next pull is refused, the row is erased, the ended stub stays with its reads.
    const after = await customers(house, shopkeeper.page);
    expect(after).toMatch(/erased, stopped on/);
    expect(await searchPlaintext(everything, { paths: [house.customers] })).toEqual([]);
    expect(JSON.parse(await readFile(house.customers, "utf8"))).toBeDefined();
    await page.locator("summary").filter({ hasText: "1 ended" }).click();
    await page.getByRole("link", { name: "Libreria Aldina" }).click();
    await page.getByRole("heading", { level: 1, name: "Libreria Aldina" }).waitFor();
    await expect.poll(() => page.locator("table tbody tr").count(), patience).toBeGreaterThanOrEqual(2);
    expect([...first.faults, ...second.faults]).toEqual([]);
  });
});

async function addData(page: Page, part: string, button: string, fields: Record<string, string>): Promise<void> {
  await page.getByRole("link", { name: part }).click();
  await page.getByRole("button", { name: button }).click();
  for (const [name, value] of Object.entries(fields)) await page.locator(`[name="${name}"]`).fill(value);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved.").first().waitFor();
  await page.getByRole("link", { name: "All my data" }).first().click();
}
