import { join } from "node:path";
import { zipSync } from "fflate";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Look, show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();
const full: Prepared = { state: "unlocked", store: "full" };
const empty: Prepared = { state: "unlocked", store: "empty" };

const file = (name: string): string => join(import.meta.dirname, "..", "..", "imports", "fixtures", name);
const open = async (prepared: Prepared, look: Look = {}) => {
  const shown = await show(at.browser, at.screens, "/data/import", prepared, look);
  await shown.page.getByRole("button", { name: "Choose a file" }).waitFor();
  return shown;
};
const choose = (page: Page, name: string) => page.locator("input[type=file]").setInputFiles(file(name));
const chooseText = (page: Page, name: string, text: string) =>
  page.locator("input[type=file]").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
const bringing = (page: Page) => page.getByRole("button", { name: /^(Bring in|Nothing to bring in|Can’t save)/ });
interface Batch {
  file: string;
  format: string;
  edits: Array<{ path: string; value: Record<string, unknown> }>;
}
const brought = async (shown: Awaited<ReturnType<typeof open>>): Promise<Batch> => {
  await expect.poll(async () => (await shown.calls()).some(([name]) => name === "bring"), patience).toBe(true);
  return (await shown.calls()).find(([name]) => name === "bring")?.[1] as Batch;
};

describe("three files through the screen", () => {
  test("Amazon's orders: what is known is said, doubles wait, gifts are only hinted at; then it is in, and taken back", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await choose(page, "amazon-retail-order-history-2023.csv");
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 5");
    const text = await page.locator("main").innerText();
    expect(text).toContain("Read as Amazon’s order history");
    expect(text).toContain("1 stands in the file twice");
    expect(text).toContain("1 cancelled order is left out.");
    await page.getByLabel("Bring the double in anyway").check();
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 6");
    await page.getByRole("checkbox", { name: /^Laptop/ }).uncheck();
    await bringing(page).click();
    const batch = await brought(shown);
    expect(batch).toMatchObject({ file: "amazon-retail-order-history-2023.csv", format: "amazon-retail" });
    expect(batch.edits).toHaveLength(5);
    expect(batch.edits.every(({ path, value }) => path === "purchases" && value.recipient === "unknown")).toBe(true);
    await page.getByRole("heading", { name: "5 entries are in" }).waitFor();
    expect(await page.getByRole("link", { name: "Say for whom it was" }).getAttribute("href")).toBe("/data/purchases/sort");
    expect(await page.getByRole("link", { name: "See what you spent" }).getAttribute("href")).toBe("/data/purchases/spending");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("button", { name: "Choose a file" }).waitFor();
    expect((await shown.calls()).at(-1)?.slice(0, 2)).toEqual(["takeBack", "m5"]);
    await expect.poll(() => page.locator(".status").innerText(), patience).toContain("5 entries taken back.");
    expect(shown.faults).toEqual([]);
  });

  test("a phone's contacts: which one is you, what one has already, and a name that differs is kept until it is ticked", async () => {
    await using shown = await open(full);
    const { page } = shown;
    await choose(page, "icloud-iphone-ios17.vcf");
    await page.getByText("Which one is you?").waitFor();
    expect(await bringing(page).count()).toBe(0);
    await page.getByRole("radio", { name: /^Ottavia Lloyd/ }).check();
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 9");
    expect(await page.getByText("You have: Ottavia Bellini. Tick to replace it.").count()).toBe(1);
    expect(await page.getByText("There is no place here for: photo, nickname, employer, notes.").count()).toBe(1);
    await page.getByRole("checkbox", { name: /^Ottavia Lloyd/ }).check();
    await bringing(page).click();
    const { edits } = await brought(shown);
    expect(edits).toHaveLength(10);
    expect(edits[0]).toEqual({ path: "profile/name", value: { given: "Ottavia", surname: "Lloyd" } });
    expect(edits.some(({ value }) => value.address === "ottavia@posta.example")).toBe(false);
  });

  test("a bank's table: columns are guessed, can be changed, and each line that can't be read is named", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await choose(page, "bank-umsatz-de.csv");
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 3");
    await expect.poll(() => page.getByLabel("What was bought").isVisible(), patience).toBe(false);
    await page.getByText("Change how its columns are read").click();
    expect(await page.getByLabel("What was bought").locator("option:checked").innerText()).toBe("Verwendungszweck: Gehalt März");
    expect(await page.locator(".faults").innerText()).toContain("bank-umsatz-de.csv, line 8: 5 cells, where the header has 6.");
    await page.getByLabel("What was bought").selectOption({ label: "Auftraggeber / Begünstigter: Arbeitgeber GmbH" });
    await page.getByLabel("The sums are").selectOption("of an account: plus is spent");
    await expect.poll(() => page.locator(".items").innerText(), patience).toContain("Arbeitgeber GmbH");
    await bringing(page).click();
    const { edits } = await brought(shown);
    expect(edits.map(({ value }) => [value.item, value.price])).toEqual([["Arbeitgeber GmbH", { amount: "2450.00", currency: "EUR" }]]);
  });
});

describe("what has to be asked", () => {
  test("days that could be months: nothing is shown before it is said", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await choose(page, "loyalty-excel-unicode.txt");
    await page.getByText("Say how its dates are to be read.").waitFor();
    expect(await bringing(page).count()).toBe(0);
    await page.getByLabel("Month first").check();
    await expect.poll(() => page.locator(".items").innerText(), patience).toContain("4 Mar 2024");
    await page.getByLabel("Day first").check();
    await expect.poll(() => page.locator(".items").innerText(), patience).toContain("3 Apr 2024");
  });

  test("which file of an archive", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    const zip = zipSync({
      "a.csv": Buffer.from("Date,Item,Shop\n2024-01-05,Bread,Forno\n"),
      "b.csv": Buffer.from("Date,Item,Shop\n2024-01-06,Milk,Latteria\n"),
    });
    await page.locator("input[type=file]").setInputFiles({ name: "two.zip", mimeType: "application/zip", buffer: Buffer.from(zip) });
    await page.getByLabel("b.csv").check();
    await page.getByRole("button", { name: "Read it" }).click();
    await expect.poll(() => page.locator(".items").innerText(), patience).toContain("Milk");
  });

  test("a text that is too long is named, and cut only on request", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await chooseText(page, "long.csv", `Date,Item,Shop\n2024-01-05,${"x".repeat(301)},Forno\n`);
    await page.getByText("long.csv, line 2, Item:").waitFor();
    expect(await bringing(page).innerText()).toBe("Nothing to bring in");
    await page.getByLabel("Shorten the text that is too long").check();
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 1");
    expect(await page.getByText("Shortened").count()).toBe(1);
  });
});

describe("what goes wrong", () => {
  test("a file that is none is refused by name, and the next one is read", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await chooseText(page, "orders.pdf", "%PDF-1.7");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toContain("orders.pdf can’t be read");
    expect(await alert.innerText()).toContain("This is a PDF.");
    await choose(page, "temu-orders-2024.csv");
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 3");
    expect(await alert.count()).toBe(0);
  });

  test("fifty megabytes are refused before they are read", async () => {
    await using shown = await open(empty);
    await shown.page.evaluate(() => {
      const input = document.querySelector<HTMLInputElement>("input[type=file]");
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(50_000_000)], "big.csv"));
      if (input) input.files = files.files;
      input?.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await expect.poll(() => shown.page.getByRole("alert").innerText(), patience).toContain("This file has 50 MB.");
  });

  test("a sealed export is sent to where it opens", async () => {
    await using shown = await open(empty);
    await chooseText(
      shown.page,
      "store.counterfoil",
      '{"id":"AAAAAAAAAAAAAAAAAAAAAA","made":"2026-11-22T00:00:00Z","type":"https://w3id.org/counterfoil/export/1"}\nAAAA\n',
    );
    expect(await shown.page.getByRole("link", { name: "To Restore" }).getAttribute("href")).toBe("/restore");
  });

  test("where bringing fails, all that was set is still there", async () => {
    await using shown = await open({ ...empty, failing: { bring: "full" } });
    const { page } = shown;
    await chooseText(page, "mine.csv", "Date,Item,Price\n2024-01-05,Bread,3.20\n");
    await page.getByLabel("Shop, for every line").fill("Forno Bora");
    await page.getByLabel("Shop, for every line").blur();
    await page.getByLabel("Currency, where a line names none").selectOption("CHF");
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 1");
    await bringing(page).click();
    await expect.poll(() => page.getByRole("alert").innerText(), patience).toContain("Nothing was brought in.");
    expect(await page.getByLabel("Shop, for every line").inputValue()).toBe("Forno Bora");
    expect(await bringing(page).innerText()).toBe("Bring in 1");
    // The file, mended, is read in the way that was set before.
    await page.getByRole("button", { name: "Choose another file" }).click();
    await chooseText(page, "mended.csv", "Date,Item,Price\n2024-01-05,Bread,3.20\n2024-01-06,Milk,1.80\n");
    await expect.poll(() => bringing(page).innerText(), patience).toBe("Bring in 2");
    expect(await page.locator(".items").innerText()).toContain("Forno Bora · CHF");
  });

  test("an import under way can be stopped", async () => {
    await using shown = await open({ ...empty, hanging: ["bring"] });
    const { page } = shown;
    await choose(page, "ragged.csv");
    await bringing(page).click();
    await expect.poll(() => page.getByRole("progressbar").count(), patience).toBe(1);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Stopping, and taking back what came in…").waitFor();
  });

  test("offline nothing is brought in, and the button says why", async () => {
    await using shown = await open({ ...empty, online: false });
    await choose(shown.page, "ragged.csv");
    await expect.poll(() => bringing(shown.page).innerText(), patience).toBe("Can’t save: you are offline");
    await bringing(shown.page).click({ force: true });
    expect((await shown.calls()).some(([name]) => name === "bring")).toBe(false);
  });

  test("a page that locks shows nothing of the file any more", async () => {
    await using shown = await open(empty);
    const { page } = shown;
    await choose(page, "ragged.csv");
    await page.getByText("Cheese, aged").first().waitFor();
    await page.getByRole("button", { name: "Lock" }).click();
    await expect.poll(() => page.getByText("Cheese, aged").count(), patience).toBe(0);
    await page.getByRole("button", { name: "Open my store" }).first().click();
    await page.getByRole("button", { name: "Choose a file" }).waitFor();
    expect(await page.getByText("Cheese, aged").count()).toBe(0);
  });
});

test("earlier imports are listed, and undone", async () => {
  await using shown = await open(full);
  const { page } = shown;
  const undo = page.getByRole("button", { name: /^Undo the import of/ });
  await expect.poll(() => undo.count(), patience).toBeGreaterThan(0);
  const before = await undo.count();
  await undo.first().click();
  await expect.poll(() => undo.count(), patience).toBe(before - 1);
  expect((await shown.calls()).some(([name]) => name === "takeBack")).toBe(true);
});

describe.each([
  ["light", 1280],
  ["dark", 320],
] as const)("in %s at %i px axe finds nothing, and nothing is wider than the window", (scheme, width) => {
  test.each([
    ["the start", undefined],
    ["a table", "bank-umsatz-de.csv"],
    ["a table with a question", "loyalty-excel-unicode.txt"],
    ["contacts", "icloud-iphone-ios17.vcf"],
    ["faults", "ragged.csv"],
  ] as const)("%s", async (_, name) => {
    await using shown = await open(full, { width, dark: scheme === "dark" });
    const { page } = shown;
    if (name !== undefined) {
      await choose(page, name);
      await page.getByRole("button", { name: "Choose another file" }).waitFor();
    }
    for (const each of await page.locator("summary").all()) await each.click();
    await page.waitForTimeout(300);
    await expectSound(shown);
  });
});
