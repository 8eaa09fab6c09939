import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const open = (path: string, prepared: Prepared = full, look = {}) => show(at.browser, at.screens, `/data/purchases${path}`, prepared, look);
type Shown = Awaited<ReturnType<typeof open>>;
interface Edit {
  path: string;
  value: { item: string; recipient: string; category?: string; warrantyUntil?: string };
}
/** Everything that was saved by many at once, in its order. */
const saved = async (shown: Shown): Promise<Edit[]> =>
  (await shown.calls()).flatMap(([name, changes]) => (name === "saveAll" ? (changes as { edits: Edit[] }).edits : []));
const rows = (page: Page) => page.getByRole("list", { name: "Purchases found" }).locator(":scope > li");
const row = (page: Page, item: string) => rows(page).filter({ hasText: item });

describe("the list", () => {
  test("shows fifty, then more; says what there is to do; finds by a word", async () => {
    await using shown = await open("");
    const { page } = shown;
    await expect.poll(() => rows(page).count(), patience).toBe(50);
    await page.getByRole("button", { name: "Show 10 more" }).click();
    await expect.poll(() => rows(page).count(), patience).toBe(60);
    await expect.poll(() => page.getByRole("link", { name: "13 to sort" }).getAttribute("href"), patience).toBe("/data/purchases/sort");
    await page.getByLabel("Search").fill("MOKA bora");
    await expect.poll(() => rows(page).locator(".value").allInnerTexts(), patience).toEqual(["Moka pot, 3 cups"]);
    await page.getByRole("status").getByText("1 of 60 purchases").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await expect.poll(() => rows(page).count(), patience).toBe(50);
  });

  test("filters by what the numbers at the top tell", async () => {
    await using shown = await open("");
    const { page } = shown;
    const warranties = page.getByRole("button", { name: "1 warranty in force" });
    await warranties.click();
    await expect.poll(() => rows(page).locator(".value").allInnerTexts(), patience).toEqual(["Moka pot, 3 cups"]);
    await row(page, "Moka pot").getByText("Warranty until 30 Jul 2028").waitFor();
    await warranties.click();
    await expect.poll(() => rows(page).count(), patience).toBe(50);
  });

  test("an answer in a row is shown at once and saved", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByLabel("For whom: Danube").selectOption("gift");
    await expect.poll(() => saved(shown), patience).toMatchObject([{ path: "purchases/p3", value: { item: "Danube", recipient: "gift" } }]);
  });

  test("an answer in a row says that it is saved, and is taken back, also where the search no longer finds it", async () => {
    await using shown = await open("");
    const { page } = shown;
    const answer = page.getByLabel("For whom: Danube");
    await answer.focus();
    await answer.selectOption("gift");
    await row(page, "Danube").getByRole("status").getByText("Saved: a gift.").waitFor();
    expect(await answer.evaluate((each) => each === document.activeElement)).toBe(true);
    await page.getByRole("button", { name: "Undo: Danube" }).click();
    await expect.poll(() => answer.inputValue(), patience).toBe("household");
    await page.getByText("Filter and sort").click();
    await page.locator("search").getByLabel("For whom").selectOption("household");
    await answer.selectOption("work");
    await page.getByText("Danube. Saved: work.").waitFor();
    await page.getByRole("button", { name: "Undo: Danube" }).click();
    await expect.poll(() => answer.inputValue(), patience).toBe("household");
  });

  test("the way back finds what was looked for, without a word of it in the address; another visit begins anew", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByLabel("Search").fill("danube");
    await page.getByRole("link", { name: "13 to sort" }).click();
    await page.getByRole("heading", { name: "Sort purchases" }).waitFor();
    await page.goBack();
    await page.getByRole("status").getByText("1 of 60 purchases").waitFor();
    expect(await page.getByLabel("Search").inputValue()).toBe("danube");
    expect(new URL(page.url()).search).toBe("");
    expect(JSON.stringify(await page.evaluate(() => history.state))).not.toContain("danube");
    await page.getByRole("link", { name: "What was spent" }).click();
    await page.getByRole("link", { name: "All purchases" }).click();
    await page
      .getByRole("status")
      .getByText(/^60 purchases$/)
      .waitFor();
  });

  test("what could be a gift is found by itself", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByText("Filter and sort").click();
    await page.locator("search").getByLabel("For whom").selectOption("hinted");
    await row(page, "Wooden train").waitFor();
    await expect.poll(async () => (await rows(page).count()) < 13, patience).toBe(true);
  });

  test("offline nothing is removed, and it says why", async () => {
    await using shown = await open("", { ...full, online: false });
    const { page } = shown;
    await page.getByLabel("Search").fill("danube");
    await page.getByText("Details").click();
    await page.getByRole("button", { name: "Can’t remove: you are offline" }).click({ force: true });
    await row(page, "Danube").waitFor();
    expect((await shown.calls()).map(([name]) => name)).not.toContain("remove");
  });

  test("what can't be saved is said, and kept until it can", async () => {
    await using shown = await open("", { ...full, failing: { saveAll: "failed" } });
    const { page } = shown;
    await page.getByLabel("For whom: Danube").selectOption("gift");
    await page.getByRole("alert").getByText("1 answer isn't saved yet.").waitFor();
    expect(await page.getByLabel("For whom: Danube").inputValue()).toBe("gift");
    await page.evaluate(() => delete globalThis.prepared?.failing?.saveAll);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("1 answer isn't saved yet.").waitFor({ state: "detached" });
  });

  test("all that were found are changed at once, and back", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByLabel("Search").fill("paperback number 1");
    await page.getByRole("button", { name: "Select all 15 found" }).click();
    const bulk = page.getByRole("group", { name: "Change what is selected" });
    await bulk.getByLabel("For whom").selectOption("work");
    await bulk.getByRole("button", { name: "Set this answer" }).click();
    const undo = page.getByRole("button", { name: "Undo" });
    await undo.waitFor();
    const before = await saved(shown);
    expect(before).toHaveLength(15);
    expect(new Set(before.map(({ value }) => value.recipient))).toEqual(new Set(["work"]));
    expect(await undo.evaluate((each) => each === document.activeElement)).toBe(true);
    await undo.click();
    await expect.poll(async () => (await saved(shown)).length, patience).toBe(30);
    expect(new Set((await saved(shown)).slice(15).map(({ value }) => value.recipient))).toEqual(new Set(["self", "unknown"]));
  });

  test("a kind of thing is set and taken away for what was ticked", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByLabel("Search").fill("lamp");
    await page.getByLabel("Select Desk lamp").check();
    const bulk = page.getByRole("group", { name: "Change what is selected" });
    await bulk.getByLabel("Kind of thing").selectOption({ label: "Furniture and decoration" });
    await bulk.getByRole("button", { name: "Set the kind" }).click();
    await row(page, "Desk lamp").getByText("Furniture and decoration").waitFor();
    expect((await saved(shown))[0]?.value.category).toBe("furniture");
  });

  test("two years of warranty are one press; a purchase is removed and brought back", async () => {
    await using shown = await open("");
    const { page } = shown;
    await page.getByLabel("Search").fill("danube");
    await page.getByText("Details").click();
    await page.getByRole("button", { name: "2 years from purchase: Warranty until" }).click();
    await page.getByText("19 Aug 2028").first().waitFor();
    await page.getByRole("button", { name: "Remove Danube" }).click();
    await page.getByText("Removed: Danube.").waitFor();
    await expect.poll(() => rows(page).count(), patience).toBe(0);
    await page.getByRole("button", { name: "Undo" }).click();
    await row(page, "Danube").waitFor();
  });

  test("one is added by hand", async () => {
    await using shown = await open("", { state: "unlocked", store: "empty" });
    const { page } = shown;
    expect(await page.getByRole("link", { name: "Bring in past orders" }).getAttribute("href")).toBe("/data/import");
    await page.getByRole("button", { name: "Add a purchase" }).click();
    await page.locator("form [name=item]").fill("Umbrella");
    await page.locator("form [name=seller]").fill("Bora");
    await page.locator("form [name=date]").fill("2026-11-02");
    await page.locator("form [name=recipient]").selectOption("self");
    await page.getByRole("button", { name: "Save" }).click();
    await row(page, "Umbrella").getByText("Bora · 2 Nov 2026").waitFor();
  });
});

describe("sorting", () => {
  const name = (page: Page) => page.locator(".item-name").innerText();

  test("goes by keys alone, says what is left, and saves in between and on leaving", async () => {
    await using shown = await open("/sort");
    const { page } = shown;
    await page.getByText("13 left").first().waitFor();
    const first = await name(page);
    await page.keyboard.press("g");
    await page.getByText("12 left").first().waitFor();
    expect(await name(page)).not.toBe(first);
    await page.keyboard.press("U");
    await page.getByText("13 left").first().waitFor();
    expect(await name(page)).toBe(first);
    await page.keyboard.press("1");
    await page.keyboard.press("ArrowRight");
    const skipped = await name(page);
    await page.keyboard.press("ArrowLeft");
    expect(await name(page)).not.toBe(skipped);
    expect(await saved(shown)).toEqual([]);
    await page.getByRole("link", { name: "All purchases" }).click();
    await expect.poll(async () => (await saved(shown)).map(({ value }) => value.item), patience).toEqual([first]);
    expect((await saved(shown))[0]?.value.recipient).toBe("self");
  });

  test("a key does nothing outside the box", async () => {
    await using shown = await open("/sort");
    const { page } = shown;
    await page.getByText("13 left").first().waitFor();
    await page.getByRole("link", { name: "All purchases" }).focus();
    await page.keyboard.press("g");
    await page.waitForTimeout(60);
    await expect.poll(() => page.getByText("13 left").count(), patience).toBeGreaterThan(0);
  });

  test("one answer counts for all from a shop where that is chosen; the next one starts with itself alone", async () => {
    await using shown = await open("/sort");
    const { page } = shown;
    await page.getByLabel(/^all \d+ from this shop$/).check();
    const count = Number(/\d+/.exec(await page.getByText(/^all \d+ from this shop$/).innerText())?.[0]);
    expect(count).toBeGreaterThan(2);
    await page.getByRole("button", { name: /^work/ }).click();
    await page
      .getByText(`${13 - count} left`)
      .first()
      .waitFor();
    await page.getByText(`${count} purchases: work.`).first().waitFor();
    await expect.poll(() => page.getByRole("radio", { checked: true }).count(), patience).toBe(1);
    await expect.poll(() => page.getByLabel("this one").isChecked(), patience).toBe(true);
  });

  test("a hint stands beside and chooses nothing", async () => {
    await using shown = await open("/sort");
    const { page } = shown;
    for (let step = 0; step < 13 && (await name(page)) !== "Wooden train"; step += 1) await page.keyboard.press("ArrowRight");
    expect(await name(page)).toBe("Wooden train");
    await page.locator(".hint").getByText("bought on 18 Dec 2025, gift wrap").waitFor();
    await expect.poll(() => page.locator(".answers [aria-pressed=true]").count(), patience).toBe(0);
    expect(await page.locator(".sort-box [role=status]").innerText()).toContain("Wooden train. Amazon");
  });

  test("what is put off is there at the end, and is gone through again", async () => {
    await using shown = await open("/sort");
    const { page } = shown;
    await page.getByText("13 left").first().waitFor();
    await page.keyboard.press("L");
    for (let step = 0; step < 12; step += 1) await page.keyboard.press("S");
    await page.getByText("1 is left for later.").waitFor();
    await page.getByRole("button", { name: "Go through them now" }).click();
    await page.keyboard.press("3");
    await page.getByText("All sorted. Nothing waits").waitFor();
    await expect.poll(async () => (await saved(shown)).length, patience).toBe(13);
  });
});

describe("tastes", () => {
  test("are told with their reasons, and an answer put right changes them", async () => {
    await using shown = await open("/tastes");
    const { page } = shown;
    const books = page.locator("summary", { hasText: "Books" });
    expect(await books.innerText()).toContain("because of 43 purchases; 1 gift left out; 11 not sorted yet");
    await page.getByText("All 60 purchases are in one of these lists.").waitFor();
    await books.click();
    await page.getByLabel("For whom: Danube").selectOption("gift");
    await expect.poll(() => books.innerText(), patience).toContain("because of 42 purchases; 2 gifts left out");
    await page.getByRole("link", { name: /^Libreria Aldina, until/ }).waitFor();
    await expect.poll(() => saved(shown), patience).toMatchObject([{ value: { item: "Danube", recipient: "gift" } }]);
  });
});

describe("spending", () => {
  test("is a picture and its table, by year, for whom", async () => {
    await using shown = await open("/spending");
    const { page } = shown;
    await page.getByText("€416.65 for 23 purchases").waitFor();
    await expect.poll(() => page.getByRole("img", { name: /^By month: €416\.65 in all, most in March$/ }).count(), patience).toBe(1);
    const months = page.getByRole("table", { name: "By month" });
    expect((await months.getByRole("row").allInnerTexts()).slice(0, 2).map((each) => each.split(/\s+/))).toEqual([
      ["Month", "Spent", "Purchases"],
      ["March", "€132.00", "7"],
    ]);
    await page.getByLabel("For whom").selectOption("work");
    await page.getByText("€61.00 for 1 purchase").waitFor();
    await page.getByLabel("Year").selectOption({ label: "All years" });
    await page.getByRole("table", { name: "By year" }).waitFor();
  });

  test("leads from a sum to what it adds up", async () => {
    await using shown = await open("/spending");
    const { page } = shown;
    await page.getByRole("table", { name: "By month" }).getByRole("link", { name: "March" }).click();
    await page.getByRole("status").getByText("7 of 60 purchases").waitFor();
    await expect.poll(() => page.getByLabel("Year").locator("option:checked").textContent(), patience).toMatch(/^March \d{4}$/);
    await page.goBack();
    await page.getByRole("table", { name: "By month" }).waitFor();
  });
});

const press = (text: string | RegExp) => (page: Page) => page.getByText(text).first().click();
const SCREENS: Array<[string, string, Prepared, ((page: Page) => Promise<unknown>)?]> = [
  [
    "the list",
    "",
    full,
    async (page) => {
      await press("Details")(page);
      await press("Filter and sort")(page);
      await page.getByRole("button", { name: /^Select all/ }).click();
    },
  ],
  [
    "the list, a form",
    "",
    full,
    (page) =>
      press("Details")(page)
        .then(() => page.getByRole("button", { name: /^Edit/ }).click())
        .then(() => page.locator("form").waitFor()),
  ],
  ["the list, empty", "", { state: "unlocked", store: "empty" }],
  ["the list, locked", "", { state: "locked", store: "full" }],
  ["sorting", "/sort", full, (page) => page.keyboard.press("g")],
  [
    "sorting, offline",
    "/sort",
    { ...full, online: false },
    (page) => page.keyboard.press("g").then(() => page.getByText("isn't saved yet").waitFor()),
  ],
  ["tastes", "/tastes", full, (page) => page.locator("summary").first().click()],
  ["spending", "/spending", full],
];
describe.each(SCREENS)("%s", (_, path, prepared, act) => {
  test.each(LOOKS)(
    "in %s at %i px: axe finds nothing, nothing is wider than the window, the page's own policy refuses nothing",
    async (scheme, width) => {
      await using shown = await open(path, prepared, { width, dark: scheme === "dark" });
      await shown.page.getByRole("heading", { level: 1 }).waitFor();
      await act?.(shown.page);
      await shown.page.waitForTimeout(40);
      await expectSound(shown);
    },
  );
});
