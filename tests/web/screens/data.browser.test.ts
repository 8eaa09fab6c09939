import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Look, show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const empty: Prepared = { state: "unlocked", store: "empty", kit: true };

async function data(path: string, prepared: Prepared = full, look: Look = {}) {
  const shown = await show(at.browser, at.screens, path, prepared, look);
  await shown.page.getByRole("heading", { level: 1 }).waitFor();
  return shown;
}
type Shown = Awaited<ReturnType<typeof data>>;
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const focused = (page: Page) =>
  page.evaluate(() => {
    const { activeElement: it } = document;
    return it?.getAttribute("aria-label") ?? (it instanceof HTMLInputElement ? it.labels?.[0]?.textContent : it?.textContent) ?? "";
  });
const saves = async (shown: Shown) => (await shown.calls()).filter(([name]) => name === "save").map(([, edit]) => edit);
const rows = (page: Page) => page.locator(".records > li");

describe("the overview", () => {
  test("names every class with how much is in it, and what an empty one is good for", async () => {
    await using shown = await data("/data");
    const cards = shown.page.locator(".classes a");
    await expect.poll(() => cards.count(), patience).toBe(8);
    expect(await cards.evaluateAll((all) => all.map((each) => each.getAttribute("href")))).toEqual([
      "/data/about",
      "/data/reach",
      "/data/addresses",
      "/data/contact",
      "/data/preferences",
      "/data/purchases",
      "/wanted",
      "/data/who",
    ]);
    expect(await cards.nth(5).innerText()).toContain("60 entries");
    expect(await cards.nth(4).innerText()).toContain("Sizes, diet and tastes help");
    expect(await shown.page.getByRole("link", { name: "Import from a file" }).getAttribute("href")).toBe("/data/import");
  });

  test("an empty store offers to bring something, and no search of nothing", async () => {
    await using shown = await data("/data", empty);
    await shown.page.getByRole("link", { name: "Import from a file" }).waitFor();
    await expect.poll(() => shown.page.getByRole("searchbox").count(), patience).toBe(0);
    expect(await shown.page.locator(".classes").innerText()).not.toMatch(/\d entr/);
  });

  test("finds across all kinds, and leads to the very row", async () => {
    await using shown = await data("/data");
    const { page } = shown;
    await page.getByRole("searchbox").fill("BELLINI");
    await page.getByText("2 found.").waitFor();
    expect(await page.locator("section h2").allInnerTexts()).toEqual(["Name", "E-mails"]);
    await page.getByRole("link", { name: "o.bellini@lavoro.example" }).click();
    await page.getByRole("heading", { level: 1, name: "E-mail and phone" }).waitFor();
    await expect.poll(() => focused(page), patience).toContain("o.bellini@lavoro.example");
  });

  test("says so where nothing has the words, and shows at most fifty", async () => {
    await using shown = await data("/data", { ...full, many: 300 });
    const { page } = shown;
    await page.getByRole("searchbox").fill("no such thing at all");
    await page.getByText("No entry has all these words.").waitFor();
    await page.getByRole("searchbox").fill("creme");
    await page.getByText("150 found.").waitFor();
    expect(await page.locator(".hits > li").count()).toBe(50);
    expect(await page.locator("main").innerText()).toContain("The first 50 of 150.");
    await page.getByRole("searchbox").fill("");
    await expect.poll(() => page.locator(".classes a").count(), patience).toBe(8);
  });
});

describe("a class", () => {
  test("each row says who can read it, in which form and until when", async () => {
    await using shown = await data("/data/about");
    const readers = rows(shown.page).first().getByRole("list", { name: "Can read it:" });
    expect(await readers.innerText()).toMatch(/^Can read it: Libreria Aldina \(First name\) until \d+ \w{3} \d{4}$/);
    expect(await readers.getByRole("link").getAttribute("href")).toBe("/c/grant-42");
    expect(await rows(shown.page).nth(1).innerText()).toContain("No shop can read it");
  });

  test("what is only counted says in what", async () => {
    await using shown = await data("/data/purchases");
    const { page } = shown;
    await page.getByText("Invisible Cities").first().waitFor();
    const readers = page.getByRole("list", { name: "Can read it:" });
    expect(await readers.first().innerText()).toMatch(/^Can read it: Libreria Aldina \(counts in: Tastes\) until \d+ \w{3} \d{4}$/);
    await expect.poll(() => readers.count(), patience).toBe(1);
  });

  test("a town alone does as an address", async () => {
    await using shown = await data("/data/addresses");
    const { page } = shown;
    await button(page, "Add address").click();
    await page.getByLabel("Town").fill("Gorizia");
    await page.getByLabel("Country").selectOption("IT");
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    expect(await saves(shown)).toEqual([{ path: "profile/addresses", value: { locality: "Gorizia", countryCode: "IT" } }]);
    await expect.poll(() => rows(page).count(), patience).toBe(2);
    await expect.poll(() => focused(page), patience).toBe("Add address");
  });

  test("a fault has the focus, and what was typed stays", async () => {
    await using shown = await data("/data/reach");
    const { page } = shown;
    await button(page, "Add phone number").click();
    await page.getByLabel("Phone number").fill("call me");
    await button(page, "Save").click();
    await page.getByText("Digits, with the country code first").waitFor();
    await expect.poll(() => focused(page), patience).toContain("Phone number");
    expect(await page.getByLabel("Phone number").inputValue()).toBe("call me");
    expect(await saves(shown)).toEqual([]);
  });

  test("half a date isn't taken for none", async () => {
    await using shown = await data("/data/about");
    const { page } = shown;
    await button(page, "Add date of birth").click();
    await page.getByLabel("Date of birth").pressSequentially("12");
    await button(page, "Save").click();
    await page.getByText("This date isn't whole").waitFor();
    expect(await saves(shown)).toEqual([]);
  });

  test("removing can be undone where it was done, and the keyboard stays there", async () => {
    await using shown = await data("/data/reach");
    const { page } = shown;
    await button(page, "Remove o.bellini@lavoro.example, work").click();
    await page.getByText("Removed: e-mail.").waitFor();
    await expect.poll(() => focused(page), patience).toBe("Undo");
    await expect.poll(() => rows(page).first().innerText(), patience).toContain("Removed: e-mail.");
    await page.keyboard.press("Enter");
    await page.getByText("It is back.").waitFor();
    expect(await saves(shown)).toEqual([{ path: "profile/emails/e2", value: { address: "o.bellini@lavoro.example", label: "work" } }]);
    await expect.poll(() => focused(page), patience).toBe("Edit o.bellini@lavoro.example, work");
  });

  test("after a change and after a cancel the focus is back on the row", async () => {
    await using shown = await data("/data/reach");
    const { page } = shown;
    await button(page, /^Edit ottavia/).click();
    await page.getByLabel("E-mail address").fill("otta@posta.example");
    await page.keyboard.press("Enter");
    await page.getByText("Saved. 1 shop sees the change").waitFor();
    await expect.poll(() => focused(page), patience).toBe("Edit otta@posta.example, home");
    await page.keyboard.press("Enter");
    await button(page, "Cancel").click();
    await expect.poll(() => focused(page), patience).toBe("Edit otta@posta.example, home");
  });

  test("what another device changed meanwhile is shown beside what is typed, which stays", async () => {
    const elsewhere = { "profile/emails/e2": { address: "new@lavoro.example", label: "work" } };
    await using shown = await data("/data/reach", { ...full, failing: { save: "stale" }, elsewhere });
    const { page } = shown;
    await button(page, /^Edit o\.bellini/).click();
    await page.getByLabel("E-mail address").fill("mine@lavoro.example");
    await button(page, "Save").click();
    await page.getByText("It now says: new@lavoro.example, work.").waitFor();
    await page.getByText("What you typed is still here.").waitFor();
    expect(await page.getByLabel("E-mail address").inputValue()).toBe("mine@lavoro.example");
  });

  test("what another device removed meanwhile doesn't take the form along", async () => {
    await using shown = await data("/data/reach", { ...full, failing: { save: "stale" }, elsewhere: { "profile/emails/e2": null } });
    const { page } = shown;
    await button(page, /^Edit o\.bellini/).click();
    await page.getByLabel("E-mail address").fill("mine@lavoro.example");
    await button(page, "Save").click();
    await page.getByText("It was removed on another device meanwhile.").waitFor();
    expect(await page.getByLabel("E-mail address").inputValue()).toBe("mine@lavoro.example");
  });

  test("offline nothing is removed or saved, and the reason is in the button's name", async () => {
    await using shown = await data("/data/reach", { ...full, online: false });
    const { page } = shown;
    await button(page, "Can’t remove: you are offline").first().click({ force: true });
    await button(page, /^Edit o\.bellini/).click();
    await button(page, "Can’t save: you are offline").click({ force: true });
    expect((await shown.calls()).map(([name]) => name)).toEqual([]);
    await expect.poll(() => rows(page).count(), patience).toBe(2);
  });

  test("a locked store shows nothing of it", async () => {
    await using shown = await data("/data/reach", { state: "locked", store: "full" });
    await button(shown.page, "Open my store").waitFor();
    expect(await shown.page.locator("main").innerText()).not.toContain("bellini");
  });

  test("an address of no class leads nowhere", async () => {
    await using shown = await data("/data/nothing");
    expect(await shown.page.getByRole("heading", { level: 1 }).innerText()).toBe("Nothing here");
  });
});

describe("contact rules", () => {
  test("a way of which nothing is said isn't allowed, and says so", async () => {
    await using shown = await data("/data/contact");
    const { page } = shown;
    expect(await rows(page).innerText()).toContain("All else: not allowed");
    await button(page, /^Edit/).click();
    const rule = (name: string) => page.getByRole("group", { name, exact: true });
    for (const name of ["Text message", "Phone call", "Post", "Notification"])
      await expect.poll(() => rule(name).getByLabel("Not allowed").isChecked(), patience).toBe(true);
    expect(await rule("E-mail").getByLabel("Allowed", { exact: true }).isChecked()).toBe(true);
  });

  test("one allows a way for purposes, days, hours and so often", async () => {
    await using shown = await data("/data/contact", empty);
    const { page } = shown;
    await button(page, "Add contact wishes").click();
    const sms = page.getByRole("group", { name: "Text message", exact: true });
    await sms.getByLabel("Allowed", { exact: true }).check();
    await sms.getByLabel("my orders and deliveries").check();
    await sms.getByLabel("Times").fill("2");
    await sms.getByLabel("in", { exact: true }).selectOption({ label: "30 days" });
    await sms.getByLabel("Saturday").check();
    await sms.getByLabel("From").fill("09:00");
    await button(page, "Save").click();
    await page.getByText("Choose a time.").first().waitFor();
    await sms.getByLabel("Until").fill("18:30");
    await page.getByLabel("Language to write in").selectOption({ label: "Italian" });
    await page.getByLabel("Time zone").selectOption("Europe/Rome");
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    expect(await saves(shown)).toEqual([
      {
        path: "preferences/contact",
        value: {
          channels: [
            {
              channel: "sms",
              allowed: true,
              purposes: ["delivery"],
              frequency: { max: 2, per: "P30D" },
              hours: { days: ["SA"], from: "09:00", to: "18:30" },
            },
          ],
          timeZone: "Europe/Rome",
          language: "it",
        },
      },
    ]);
    expect(await rows(page).innerText()).toContain(
      "Text message: allowed, only for my orders and deliveries; at most 2 times in 30 days; Saturday 09:00 to 18:30",
    );
  });

  test("never on Sunday is six ticks: days without hours are whole ones, and stay so", async () => {
    await using shown = await data("/data/contact", empty);
    const { page } = shown;
    await button(page, "Add contact wishes").click();
    const email = page.getByRole("group", { name: "E-mail", exact: true });
    await email.getByLabel("Allowed", { exact: true }).check();
    const days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    for (const day of days) await email.getByLabel(day).check();
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    const hours = { days: ["MO", "TU", "WE", "TH", "FR", "SA"], from: "00:00", to: "00:00" };
    expect(await saves(shown)).toMatchObject([{ value: { channels: [{ channel: "email", hours }] } }]);
    expect(await rows(page).innerText()).toContain(`E-mail: allowed, ${days.join(", ")}\n`);
    await button(page, /^Edit/).click();
    await expect.poll(() => email.getByLabel("From").inputValue(), patience).toBe("");
  });

  test("a rule can name which address it is about", async () => {
    await using shown = await data("/data/contact");
    const { page } = shown;
    await button(page, /^Edit/).click();
    const email = page.getByRole("group", { name: "E-mail", exact: true });
    await email.getByLabel("To which one").selectOption({ label: "o.bellini@lavoro.example, work" });
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    const [saved] = (await saves(shown)) as Array<{ value: { channels: Array<{ target?: string }> } }>;
    expect(saved?.value.channels[0]?.target).toBe("profile/emails/e2");
  });
});
