import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const crowd: Prepared = { ...full, crowd: true };
const open = (path: string, prepared: Prepared = full, width = 1280) => show(at.browser, at.screens, path, prepared, { width });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? "");
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const verbs = async (shown: Awaited<ReturnType<typeof open>>) => (await shown.calls()).map(([name]) => name);

describe("the card of a shop", () => {
  test("is in the customer's words, is changed, and comes back as it was", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await page.getByText("Only you see this. No shop ever reads it.").waitFor();
    await page.getByText("They know my taste in maps.").waitFor();
    await button(page, "Change the card").click();
    await page.getByRole("radio", { name: /a friend/ }).check();
    await page.getByLabel("Customer number").fill("LA-9");
    await button(page, "Save").click();
    await page.getByText("LA-9").waitFor();
    const saved = ["saveCard", { relationship: "relationships/r1" }];
    expect((await shown.calls()).at(-1)).toEqual([
      ...saved,
      { view: "friend", customerNumber: "LA-9", notes: "They know my taste in maps." },
    ]);
    await button(page, "Undo").click();
    await page.getByText("LA-4471").waitFor();
    expect((await shown.calls()).at(-1)).toEqual([
      ...saved,
      { view: "regular", customerNumber: "LA-4471", notes: "They know my taste in maps." },
    ]);
  });

  test("says at its field what is too long, and saves nothing", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await button(page, "Change the card").click();
    await page.getByLabel("Customer number").fill("9".repeat(81));
    await button(page, "Save").click();
    await page.getByText("At most 80 characters.").waitFor();
    await expect.poll(() => page.getByLabel("Customer number").evaluate((each) => each === document.activeElement), patience).toBe(true);
    expect(await verbs(shown)).toEqual([]);
  });

  test("blocking a shop that reads asks once; “Block and stop” does both, the block first", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await button(page, "Block Libreria Aldina").click();
    await page.getByText("your connection goes on until you stop it").waitFor();
    await expect.poll(() => focused(page)).toBe("Don’t block");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await verbs(shown)).toEqual([]);
    await button(page, "Block Libreria Aldina").click();
    await expect.poll(() => page.getByRole("dialog").getByRole("checkbox").isChecked(), patience).toBe(false);
    await button(page, "Block and stop").click();
    await page.getByRole("status").getByText("Libreria Aldina is blocked, and reads nothing more.").waitFor();
    expect((await shown.calls()).slice(-2)).toEqual([
      ["saveCard", { relationship: "relationships/r1" }, expect.objectContaining({ view: "blocked", customerNumber: "LA-4471" })],
      ["stop", "grant-42", { askDeletion: false }],
    ]);
  });

  test("a block whose stop was not signed says what holds already", async () => {
    await using shown = await open("/c/grant-42", { ...full, failing: { stop: "cancelled" } });
    await button(shown.page, "Block Libreria Aldina").click();
    await button(shown.page, "Block and stop").click();
    await shown.page.getByRole("alert").getByText("It is blocked, and paused").waitFor();
    await button(shown.page, "Stop it now").click();
    await expect.poll(() => verbs(shown), patience).toEqual(["saveCard", "stop", "stop"]);
    await button(shown.page, "Leave it so").click();
    await shown.page.getByText("You have blocked Libreria Aldina.").waitFor();
  });

  test("blocked alone, it says that reading goes on, with Stop beside it; unblocking is one step", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await button(page, "Change the card").click();
    await page.getByRole("radio", { name: /^blocked/ }).check();
    await button(page, "Save").click();
    await button(page, "Block only; it goes on reading").click();
    const notice = page.locator(".notice", { hasText: "It goes on reading what you share until you stop it." });
    await notice.getByRole("button", { name: "Stop Libreria Aldina" }).waitFor();
    expect(await verbs(shown)).toEqual(["saveCard"]);
    await page.getByRole("link", { name: "Connections" }).first().click();
    const stub = page.locator(".stubs > li", { hasText: "Libreria Aldina" }).first();
    await stub.getByText("You have blocked it; it still reads until you stop it.").waitFor();
    await page.goBack();
    await notice.getByRole("button", { name: "Unblock" }).click();
    await notice.waitFor({ state: "detached" });
    expect((await shown.calls()).at(-1)?.[2]).toEqual({ customerNumber: "LA-4471", notes: "They know my taste in maps." });
  });

  test("its own rules stand over the general ones, which hold where it says nothing", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await page.getByText("By your general rules.").waitFor();
    await button(page, "Set it for this shop").click();
    await page.getByRole("group", { name: "Post" }).getByLabel("Allowed", { exact: true }).check();
    await button(page, "Save").click();
    await page.getByText("All else: by your general rules").waitFor();
    const card = (await shown.calls()).at(-1)?.[2] as { contact: { channels: unknown[] }; notes: string };
    expect(card.contact.channels).toEqual([expect.objectContaining({ channel: "post", allowed: true })]);
    expect(card.notes).toBe("They know my taste in maps.");
    await expect.poll(() => page.getByText("All else: not allowed").count(), patience).toBe(0);
    await button(page, "Set it for this shop").click();
    await button(page, "Use my general rules again").click();
    await page.getByText("By your general rules.").waitFor();
    expect((await shown.calls()).at(-1)?.[2]).not.toHaveProperty("contact");
  });
});

describe("who has what", () => {
  test("is a table of shops and kinds: form, number, last reading, end, and how many can read each kind", async () => {
    await using shown = await open("/data/who");
    const { page } = shown;
    const table = page.getByRole("region", { name: "Shops and what each can read" }).getByRole("table");
    await table.waitFor();
    await expect
      .poll(() => table.getByRole("columnheader").allInnerTexts(), patience)
      .toEqual(["Shop", "Name", "E-mail", "Address", "Sizes"]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    const row = table.getByRole("row", { name: /Libreria Aldina/ });
    const name = row.getByRole("cell").first();
    expect(await name.innerText()).toMatch(/^First name\s+last read \d+ \w+ \d{4}\s*until \d+ \w+ \d{4}$/);
    await expect
      .poll(
        () =>
          table
            .getByRole("row", { name: /Farmacia Trieste/ })
            .getByText("paused")
            .count(),
        patience,
      )
      .toBe(1);
    // A paused shop reads nothing, and where nothing lies nothing is read.
    const totals = table.getByRole("row", { name: /Can read it now/ }).getByRole("cell");
    await expect.poll(() => totals.allInnerTexts(), patience).toEqual(["1 shop", "1 shop", "no shop", "no shop"]);
    await row.getByRole("link", { name: "Libreria Aldina" }).click();
    await page.getByRole("heading", { level: 1, name: "Libreria Aldina" }).waitFor();
  });

  test("D9, D10: what ended shops had read stays in sight, closed", async () => {
    await using shown = await open("/data/who");
    const group = shown.page.locator("details[data-rule=D10]");
    await group.waitFor();
    expect(await group.getAttribute("open")).toBeNull();
    await group.locator("summary").click();
    const row = group.getByRole("listitem").filter({ hasText: "Bottega Carsica" });
    expect(await row.innerText()).toMatch(/Has read: First name, E-mail; last on .*\s+You asked it to delete what it has read\./);
  });

  test("on a phone it is a list, by shop or by kind of data, and nothing scrolls sideways", async () => {
    await using shown = await open("/data/who", full, 360);
    const { page } = shown;
    await page.getByRole("heading", { name: "Libreria Aldina" }).waitFor();
    await expect.poll(() => page.getByRole("table").count(), patience).toBe(0);
    await page.getByLabel("by kind of data").check();
    const kind = page.locator("section", { has: page.getByRole("heading", { name: "E-mail" }) });
    await kind.getByText("1 shop can read it now").waitFor();
    await kind.getByRole("link", { name: "Libreria Aldina" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  });

  test("with no shop it says so", async () => {
    await using shown = await open("/data/who", { state: "unlocked", store: "empty" });
    await shown.page.getByText("No shop can read anything now").waitFor();
    await expect.poll(() => shown.page.getByRole("table").count(), patience).toBe(0);
  });

  test("with fifty it shows twenty, then the rest, and the focus goes on to the first new one", async () => {
    // Narrow enough that the table is wider than its region: the page itself must not scroll sideways.
    await using shown = await open("/data/who", crowd, 800);
    const { page } = shown;
    const rows = page.locator("tbody tr");
    await expect.poll(() => rows.count(), patience).toBe(20);
    const over = (element: Element) => element.scrollWidth - element.clientWidth;
    expect(await page.locator(".matrix").evaluate(over)).toBeGreaterThan(0);
    expect(await page.locator("html").evaluate(over)).toBe(0);
    expect(await page.getByRole("row", { name: /^Shop 01/ }).innerText()).toContain(
      "in full, Tastes · 2,001 values · only kinds of thing: Books, since 1 Jan 2025",
    );
    // The paused one of fifty with the e-mail isn't among those that can read it.
    await page.getByText("51 shops can read something").waitFor();
    const totals = page.getByRole("row", { name: /^Can read it now/ }).getByRole("cell");
    await expect.poll(() => totals.allInnerTexts(), patience).toEqual(["1 shop", "49 shops", "no shop", "no shop", "1 shop"]);
    await button(page, "Show 33 more shops").click();
    await expect.poll(() => rows.count(), patience).toBe(53);
    await expect.poll(() => focused(page), patience).toBe("Shop 19");
  });

  test("a shop that was blocked when it asked is found, unblocked in one step, and blocked again by Undo", async () => {
    await using shown = await open("/data/who", crowd);
    const { page } = shown;
    await button(page, "Unblock Insistent Offers").click();
    await page.getByText("Insistent Offers is no longer blocked.").waitFor();
    expect((await shown.calls()).at(-1)).toEqual(["saveCard", { relationship: "relationships/b1" }, {}]);
    await button(page, "Undo").click();
    await button(page, "Unblock Insistent Offers").waitFor();
    expect((await shown.calls()).at(-1)).toEqual(["saveCard", { relationship: "relationships/b1" }, { view: "blocked" }]);
  });
});

describe("a connection that shares thousands", () => {
  test("stands as sums, which open to twenty and go on", async () => {
    await using shown = await open("/c/crowd-0", crowd);
    const { page } = shown;
    const have = page.locator(".have");
    await have.getByText("Tastes", { exact: true }).waitFor();
    await have.getByText("Books 14").waitFor();
    await have.locator("summary", { hasText: "Purchases: 2,000 values" }).click();
    await expect.poll(() => have.locator("details li").count(), patience).toBe(20);
    await have.getByText("Thing number 20, Amazon").waitFor();
    await have.getByRole("button", { name: "Show 100 more" }).click();
    await expect.poll(() => have.locator("details li").count(), patience).toBe(120);
    await expect.poll(() => page.locator("tbody tr").count(), patience).toBe(20);
    await expect.poll(() => page.locator(".t-read").count(), patience).toBeLessThanOrEqual(61);
    await page.getByRole("img", { name: /read 1,000 times/ }).waitFor();
    await page.getByText("kinds of thing: Books; since 1 Jan 2025").waitFor();
  });
});
