import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const open = (path: string, prepared: Prepared = full, width = 1280) => show(at.browser, at.screens, path, prepared, { width });
const isFocused = (page: Page, label: string) => page.getByLabel(label).evaluate((each) => each === document.activeElement);
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const today = () => new Date().toLocaleDateString("sv");

describe("wishes", () => {
  test("an empty list says what it is for, and claims no reader", async () => {
    await using shown = await open("/wanted", { state: "unlocked", store: "empty" });
    await shown.page.getByText("No shop hears of it").waitFor();
    await shown.page.getByRole("link", { name: "Write down the first one" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "A new wish" }).waitFor();
  });

  test("an open wish stands with its limits; ended ones in a closed group", async () => {
    await using shown = await open("/wanted");
    const { page } = shown;
    const row = page.getByRole("listitem").filter({ hasText: "Folding bicycle" });
    await row.waitFor();
    for (const part of ["by 1 Mar 2027", "used", "up to €450", "Friuli Venezia Giulia, Italy", "for me"])
      expect(await row.innerText()).toContain(part);
    await expect.poll(() => page.getByRole("link", { name: "Atlas of the Adriatic" }).isVisible(), patience).toBe(false);
    await page.getByText("1 ended").click();
    await page.getByText("you have it, since 2 Oct 2026").waitFor();
  });

  test("a new one is saved with what was typed, and stands in the list", async () => {
    await using shown = await open("/wanted/new");
    const { page } = shown;
    await page.getByLabel("What is it?").fill("شمعدان 🕯️");
    await page.getByLabel("At most").fill("1.250,50");
    await page.getByLabel("Currency").selectOption("EUR");
    await page.getByText("For your eyes only").waitFor();
    await page.getByLabel("For whom").selectOption("gift");
    await page.locator("summary", { hasText: "Shops that might have it" }).click();
    await page.getByLabel("Velo Cluj").check();
    await expect.poll(() => page.getByLabel("Bottega Carsica").count(), patience).toBe(0);
    await button(page, "Save").click();
    await page.getByRole("link", { name: "شمعدان 🕯️" }).waitFor();
    expect(await shown.calls()).toEqual([
      [
        "save",
        {
          path: "intents",
          value: {
            item: "شمعدان 🕯️",
            price: { max: "1250.50", currency: "EUR" },
            recipient: "gift",
            audience: ["https://velocluj.example/counterfoil.json"],
            state: "open",
          },
        },
      ],
    ]);
  });

  test("bad input is told at its field, in a folded part too; nothing is saved, nothing typed is lost", async () => {
    await using shown = await open("/wanted/new");
    const { page } = shown;
    await page.getByText("Where, roughly").click();
    await page.getByLabel("Start of the postcode").fill("34143");
    await page.getByText("Where, roughly").click();
    await page.getByLabel("What is it?").fill("Lamp");
    await page.getByLabel("From").fill("500");
    await page.getByLabel("At most").fill("450");
    await page.getByLabel("Needed by").fill("2020-01-01");
    await button(page, "Save").click();
    await page.getByText("This is less than the lowest price above.").waitFor();
    await page.getByText("This day has gone by.").waitFor();
    await page.getByText("Only its start").waitFor();
    await expect.poll(() => isFocused(page, "At most"), patience).toBe(true);
    expect(await page.getByLabel("At most").getAttribute("aria-describedby")).toMatch(/-fault/);
    expect(await shown.calls()).toEqual([]);
    await page.getByLabel("At most").fill("550");
    await expect.poll(() => page.getByText("This is less than").count(), patience).toBe(0);
    expect(await page.getByLabel("Start of the postcode").inputValue()).toBe("34143");
  });

  test("what couldn't be saved is told, and stays typed", async () => {
    await using shown = await open("/wanted/new", { ...full, failing: { save: "full" } });
    await shown.page.getByLabel("What is it?").fill("Lamp");
    await button(shown.page, "Save").click();
    await shown.page.getByRole("alert").getByText("no room left").waitFor();
    expect(await shown.page.getByLabel("What is it?").inputValue()).toBe("Lamp");
  });

  test("“I have it” ends a wish where it stands, with a way back that has the focus", async () => {
    await using shown = await open("/wanted");
    const { page } = shown;
    await button(page, "I have it: Folding bicycle").click();
    await page.getByText("Good, you have it: Folding bicycle.").waitFor();
    const [, edit] = (await shown.calls()).at(-1) as [string, { path: string; value: Record<string, unknown> }];
    expect(edit).toMatchObject({ path: "intents/i1", value: { item: "Folding bicycle", state: "fulfilled", ended: today() } });
    await expect.poll(() => button(page, "Undo").evaluate((each) => each === document.activeElement), patience).toBe(true);
    await page.keyboard.press("Enter");
    await button(page, "No longer wanted: Folding bicycle").waitFor();
    const [, back] = (await shown.calls()).at(-1) as [string, { value: Record<string, unknown> }];
    expect(back.value).toMatchObject({ state: "open", deadline: "2027-03-01" });
    expect(back.value).not.toHaveProperty("ended");
  });

  test("from its own page a wish is removed, and comes back whole from the list", async () => {
    await using shown = await open("/wanted/i2");
    const { page } = shown;
    await page.getByText("No shop can read it.").waitFor();
    await expect.poll(() => page.getByLabel("What is it?").count(), patience).toBe(0);
    await button(page, "Remove").click();
    await page.getByText("Removed: Atlas of the Adriatic.").waitFor();
    await button(page, "Undo").click();
    await page.getByRole("link", { name: "Atlas of the Adriatic" }).waitFor();
    expect(await shown.calls()).toEqual([
      ["remove", "intents/i2"],
      [
        "save",
        {
          path: "intents/i2",
          value: { item: "Atlas of the Adriatic", category: "books", recipient: "gift", state: "fulfilled", ended: "2026-10-02" },
        },
      ],
    ]);
  });

  test("an ended one is opened again, and can then be changed", async () => {
    await using shown = await open("/wanted/i2");
    await button(shown.page, "Want it again").click();
    await shown.page.getByText("Wanted again: Atlas of the Adriatic.").waitFor();
    await shown.page.goto(`${at.screens.origin}/wanted/i1`);
    await shown.page.getByLabel("What is it?").fill("Folding bicycle, 20 inch");
    await button(shown.page, "Save").click();
    await shown.page.getByRole("link", { name: "Folding bicycle, 20 inch" }).waitFor();
  });

  test("a wish that isn't there is told, with the way to those that are", async () => {
    await using shown = await open("/wanted/nowhere");
    await shown.page.getByRole("heading", { level: 1, name: "No such wish" }).waitFor();
    await shown.page.getByRole("link", { name: "All wishes" }).click();
    await shown.page.getByRole("link", { name: "Folding bicycle" }).waitFor();
  });

  test("offline and locked, nothing is offered that can't be done", async () => {
    await using offline = await open("/wanted/new", { ...full, online: false });
    await offline.page.getByLabel("What is it?").fill("Lamp");
    await button(offline.page, "Can’t save: you are offline").click({ force: true });
    expect(await offline.calls()).toEqual([]);
    await using locked = await open("/wanted/i1", { state: "locked", store: "full" });
    await locked.page.getByText("Your store is locked").waitFor();
    expect(await locked.page.content()).not.toContain("Folding");
  });
});
