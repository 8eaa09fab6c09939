import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { Filter } from "#protocol/authorization-details.ts";
import { checkAccessibility } from "../../support/axe.ts";
import { type Look, show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const empty: Prepared = { state: "unlocked", store: "empty" };

async function ask(prepared: Prepared, look: Look = {}) {
  const shown = await show(at.browser, at.screens, "/ask/r1", prepared, look);
  await shown.page.getByRole("heading", { level: 1 }).waitFor();
  // What is chosen from comes with a part of its own; only then is an absence an absence.
  await shown.page.locator("[data-rule=C3] input, main .btn").first().waitFor();
  return shown;
}
const boxes = (page: Page) => page.locator("[data-rule=C3] input[type=checkbox]");
const box = (page: Page, kind: string) => page.locator(`input[data-kind="${kind}"]`).first();
const settle = (page: Page) => page.waitForTimeout(650);
const buttons = (page: Page) => page.locator("[data-rule=C9] button");
const names = async (shown: Awaited<ReturnType<typeof ask>>) => (await shown.calls()).map(([name]) => name);
interface Sent {
  details: Array<{ paths: string[]; expires: string; actions: string[]; frequency?: { max: number; per?: string }; filter?: Filter }>;
  edits: Array<{ path: string; value: unknown; key?: string }>;
  notice: { text: string; language: string };
}
const approval = async (shown: Awaited<ReturnType<typeof ask>>): Promise<Sent> =>
  (await shown.calls()).find(([name]) => name === "approve")?.[1] as Sent;

describe("who and why", () => {
  test("C1 says the legal name, the domain in bold and since when, and claims no more than was checked", async () => {
    await using shown = await ask(full);
    const who = shown.page.locator("[data-rule=C1]");
    expect(await who.locator("strong").first().innerText()).toBe("aldina.example");
    const text = await who.innerText();
    expect(text).toContain("Libreria Aldina S.r.l., from Italy");
    expect(text).toContain("Domain checked");
    expect(text).not.toMatch(/name and domain checked/i);
    await expect.poll(() => who.locator("svg.rosette path").count(), patience).toBe(3);
  });

  test("C1 puts a warning in words before the name of a shop on this computer", async () => {
    await using shown = await ask({ ...full, request: { loopback: true } });
    const text = await shown.page.locator("main").innerText();
    expect(text.indexOf("Unverified: on this computer")).toBeGreaterThanOrEqual(0);
    expect(text.indexOf("Unverified: on this computer")).toBeLessThan(text.indexOf("Bookshop on this computer asks to read"));
    expect(text).not.toContain("Domain checked");
  });

  test("C2 says the purpose in our words, and the shop's as a quote in its language", async () => {
    await using shown = await ask(full);
    const why = shown.page.locator("[data-rule=C2]");
    expect(await why.innerText()).toContain("To keep your details right in the shop's customer list.");
    expect(await why.locator("blockquote").getAttribute("lang")).toBe("en");
  });

  test("the shell is bare: no navigation, and no link that leads away", async () => {
    await using shown = await ask(full);
    await expect.poll(() => shown.page.getByRole("navigation").count(), patience).toBe(0);
    await expect.poll(() => shown.page.locator("main a, header a").count(), patience).toBe(0);
  });
});

describe("what leaves", () => {
  test("C3 nothing is ticked, not even what is needed or may be done besides", async () => {
    await using shown = await ask({ ...full, request: { several: true } });
    await boxes(shown.page).first().waitFor();
    await expect.poll(() => shown.page.locator("input[type=checkbox]").count(), patience).toBeGreaterThan(5);
    await expect.poll(() => shown.page.locator("input[type=checkbox]:checked").count(), patience).toBe(0);
  });

  test("C3 ticking shows the very value of the least form, and wider ones beside it, least first", async () => {
    await using shown = await ask(full);
    const item = shown.page.locator("li.item", { has: box(shown.page, "profile/addresses") });
    await box(shown.page, "profile/addresses").check();
    await item.getByText("Italy (IT)", { exact: true }).waitFor();
    expect(await item.locator("input[type=radio]").evaluateAll((all) => all.map((each) => each.getAttribute("data-form")))).toEqual([
      "country",
      "region",
      "town",
      "",
    ]);
    expect(await item.locator("input[type=radio]:checked").getAttribute("data-form")).toBe("country");
    await item.getByLabel("only the town").check();
    await expect.poll(() => item.locator("output").innerText()).toBe("Trieste, Friuli Venezia Giulia, Italy (IT)");
  });

  test("C3 of two e-mails one is picked, and only that one is granted", async () => {
    await using shown = await ask(full);
    await shown.page.getByRole("checkbox", { name: /o\.bellini@lavoro/ }).check();
    await settle(shown.page);
    await shown.page.getByRole("button", { name: "Share 1 item" }).click();
    await shown.page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
    const { details, edits } = await approval(shown);
    expect(details.map((each) => each.paths)).toEqual([["profile/emails/e2"]]);
    expect(details[0]?.actions).toEqual(["read"]);
    expect(edits).toEqual([]);
  });

  test("C3 what is typed is kept only if it is ticked", async () => {
    await using shown = await ask(empty);
    const { page } = shown;
    await box(page, "profile/name").check();
    await page.getByLabel("First name", { exact: true }).fill("Ottavia");
    await box(page, "profile/name").uncheck();
    expect(await page.getByLabel("First name", { exact: true }).inputValue()).toBe("Ottavia");
    await box(page, "profile/emails").check();
    await page.getByLabel("E-mail address").fill("ottavia@posta.example");
    await expect.poll(() => page.locator("output").innerText()).toBe("ottavia@posta.example");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByRole("heading", { name: "Shared with" }).waitFor();
    const sent = await approval(shown);
    expect(sent.edits).toEqual([{ path: "profile/emails", key: "new1", value: { address: "ottavia@posta.example" } }]);
    expect(sent.details[0]?.paths).toEqual(["profile/emails/new1"]);
  });

  test("a wrong entry is told at its field, which gets the focus, and nothing is sent", async () => {
    await using shown = await ask(empty);
    const { page } = shown;
    await box(page, "profile/emails").check();
    await page.getByLabel("E-mail address").fill("nobody");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    const field = page.getByLabel("E-mail address");
    await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => field.evaluate((each) => each === document.activeElement)).toBe(true);
    const described = (await field.getAttribute("aria-describedby")) ?? "";
    expect(await page.locator(`[id="${described.split(" ")[0]}"]`).innerText()).toContain("name@example.org");
    expect(await names(shown)).not.toContain("approve");
  });

  test("the notice that is hashed names what was shown, and no value", async () => {
    await using shown = await ask(full);
    for (const each of await boxes(shown.page).all()) await each.check();
    await settle(shown.page);
    await shown.page.getByRole("button", { name: "Share 4 items" }).click();
    await shown.page.getByRole("heading", { name: "Shared with" }).waitFor();
    const { notice } = await approval(shown);
    expect(notice.language).toBe("en");
    expect(notice.text).toContain("Libreria Aldina S.r.l.");
    expect(notice.text).toContain("Corriere Veloce");
    for (const value of ["Ottavia", "posta.example", "Lloyd", "Trieste"]) expect(notice.text).not.toContain(value);
  });
});

describe("a whole collection", () => {
  const asks = (paths: string[], filter?: Filter): Prepared => ({
    ...full,
    request: { purchases: { paths, ...(filter ? { filter } : {}) } },
  });
  const category = (page: Page, code: string) => page.locator(`input[data-category="${code}"]`);
  const recipient = (page: Page, code: string) => page.locator(`input[data-recipient="${code}"]`);
  const leaves = (page: Page) => page.locator("li.item", { has: box(page, "purchases") }).locator(".leaves");
  const share = async (shown: Awaited<ReturnType<typeof ask>>) => {
    await settle(shown.page);
    await shown.page.getByRole("button", { name: /^Share/ }).click();
    await shown.page.getByRole("heading", { name: "Shared with" }).waitFor();
    return approval(shown);
  };

  test("C3 ticking it ticks nothing else: the least form, the latest year, no kind and nobody", async () => {
    await using shown = await ask(asks(["purchases"], { since: "2024-06-01" }));
    const { page } = shown;
    await box(page, "purchases").check();
    expect(await page.locator("input[data-form]").evaluateAll((all) => all.map((each) => each.getAttribute("data-form")))).toEqual([
      "shops",
      "tastes",
      "category",
      "",
    ]);
    expect(await page.locator("input[data-form]:checked").getAttribute("data-form")).toBe("shops");
    await expect.poll(() => page.locator("input[type=checkbox]:checked").count(), patience).toBe(1);
    expect(await page.getByLabel("Bought since").inputValue()).toBe("2026-01-01");
    expect(await page.getByLabel("Bought since").locator("option").allInnerTexts()).toEqual(["1 Jan 2026", "1 Jan 2025", "1 Jun 2024"]);
    await leaves(page).getByText("0 would leave.").waitFor();
    const no = page.getByRole("button", { name: "Can’t share: nothing would leave" });
    expect(await no.getAttribute("aria-disabled")).toBe("true");
    await settle(page);
    await no.click({ force: true });
    await page.waitForTimeout(60);
    expect(await names(shown)).not.toContain("approve");
  });

  test("of a digest asked for, only it is on offer, gifts can't be counted in, and its very value is shown", async () => {
    await using shown = await ask(asks(["purchases:tastes"]));
    const { page } = shown;
    await box(page, "purchases").check();
    expect(await page.locator("input[data-form]").evaluateAll((all) => all.map((each) => each.getAttribute("data-form")))).toEqual([
      "tastes",
    ]);
    expect(
      await page.locator("input[data-recipient]").evaluateAll((all) => all.map((each) => each.getAttribute("data-recipient"))),
    ).toEqual(["self", "household"]);
    await category(page, "books").check();
    await recipient(page, "household").check();
    await expect.poll(() => leaves(page).locator("output").innerText(), patience).toBe("Books 1");
    const { details, notice } = await share(shown);
    expect(details).toHaveLength(1);
    expect(details[0]).toMatchObject({
      paths: ["purchases:tastes"],
      filter: { categories: ["books"], since: "2026-01-01", recipients: ["household"] },
    });
    expect(notice.text).toContain("kinds of thing: Books; since 1 Jan 2026; for: my household");
    expect(notice.text).not.toContain("Danube");
    await page.getByText("kinds of thing: Books; since 1 Jan 2026; for: my household").waitFor();
  });

  test("whole, it shows the very lines that leave, twenty first, and none that the filter keeps back", async () => {
    await using shown = await ask(asks(["purchases"], { categories: ["books", "shoes"], recipients: ["self", "gift"] }));
    const { page } = shown;
    await box(page, "purchases").check();
    await page.getByLabel("each purchase").check();
    expect(
      await page.locator("input[data-recipient]").evaluateAll((all) => all.map((each) => each.getAttribute("data-recipient"))),
    ).toEqual(["self", "gift"]);
    await category(page, "all").check();
    await recipient(page, "gift").check();
    await leaves(page).getByText("1 would leave now:").waitFor();
    expect(await leaves(page).locator("li").innerText()).toContain("The Book of Tea");
    expect(await leaves(page).innerText()).not.toContain("another name");
    await recipient(page, "self").check();
    await page.getByLabel("Bought since").selectOption("");
    await leaves(page).getByText("44 would leave now:").waitFor();
    await expect.poll(() => leaves(page).locator("li").count(), patience).toBe(20);
    await page.getByRole("button", { name: "Show 20 more" }).click();
    await expect.poll(() => leaves(page).locator("li").count(), patience).toBe(40);
    await page.getByLabel("30 days").check();
    await leaves(page).getByText("what no longer fits is taken back").waitFor();
    const { details } = await share(shown);
    expect(details[0]).toMatchObject({ paths: ["purchases"], filter: { categories: ["books", "shoes"], recipients: ["self", "gift"] } });
  });

  test("of two thousand, twenty lines are drawn, and their number is told", async () => {
    await using shown = await ask({ ...asks(["purchases"]), many: 2000 });
    const { page } = shown;
    await box(page, "purchases").check();
    await page.getByLabel("each purchase").check();
    await category(page, "all").check();
    await recipient(page, "self").check();
    await page.getByLabel("Bought since").selectOption({ label: "whenever it was" });
    await leaves(page).getByText("2,044 would leave now:").waitFor();
    await expect.poll(() => leaves(page).locator("li").count(), patience).toBe(20);
    expect((await shown.calls()).filter(([name]) => name === "preview").length).toBeLessThan(6);
  });

  test("only the kinds of things are told as kinds", async () => {
    await using shown = await ask(asks(["purchases:category"]));
    const { page } = shown;
    await box(page, "purchases").check();
    await category(page, "all").check();
    await recipient(page, "self").check();
    await expect.poll(() => leaves(page).locator("li").allInnerTexts(), patience).toEqual(["Books × 14", "Kitchen", "Shoes"]);
  });

  test("in a store without any it says so, and can't be shared", async () => {
    await using shown = await ask({ ...asks(["purchases"]), store: "empty" });
    await box(shown.page, "purchases").check();
    await leaves(shown.page).getByText("there are none in your store").waitFor();
    await expect.poll(() => buttons(shown.page).last().innerText(), patience).toBe("Can’t share: nothing would leave");
  });

  test.each([
    ["light", 1280],
    ["dark", 320],
  ] as const)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await ask(asks(["purchases"]), { width, dark: scheme === "dark" });
    const { page } = shown;
    await box(page, "purchases").check();
    await category(page, "all").check();
    await recipient(page, "self").check();
    await page.getByLabel("each purchase").check();
    await page.getByLabel("Bought since").selectOption({ label: "whenever it was" });
    await page.getByRole("button", { name: /more$/ }).waitFor();
    await page.getByText("Block this shop").click();
    expect((await checkAccessibility(page)).violations).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    expect(shown.faults).toEqual([]);
  });
});

describe("blocking", () => {
  test("a shop that is blocked can only be refused", async () => {
    await using shown = await ask({ ...full, request: { blocked: true } });
    const { page } = shown;
    await page.getByText("You have blocked this shop").waitFor();
    await expect.poll(() => page.locator("main button").allInnerTexts(), patience).toEqual(["Don’t share"]);
    await expect.poll(() => page.locator("main input").count(), patience).toBe(0);
    expect(await page.getByRole("link", { name: "To the shop's card" }).getAttribute("href")).toBe("/c/grant-42");
    expect((await checkAccessibility(page)).violations).toEqual([]);
    await settle(page);
    await page.getByRole("button", { name: "Don’t share" }).click();
    await page.waitForURL("**/shop?error=access_denied");
  });

  test("is out of the way, keeps what stands on the card, and refuses too", async () => {
    // The refusal doesn't end: with the way back to the shop this page would go, and what was asked of the vault with it.
    await using shown = await ask({ ...full, hanging: ["decline"] });
    const { page } = shown;
    const button = page.getByRole("button", { name: "Don’t share, and block" });
    expect(await button.isVisible()).toBe(false);
    await page.getByText("Block this shop").click();
    await settle(page);
    await button.click();
    await expect.poll(async () => (await names(shown)).at(-1), patience).toBe("decline");
    expect((await shown.calls()).filter(([name]) => name === "saveCard")).toEqual([
      [
        "saveCard",
        { relationship: "relationships/r1" },
        { view: "blocked", customerNumber: "LA-4471", notes: "They know my taste in maps." },
      ],
    ]);
  });
});

describe("how long", () => {
  test("C4 once is chosen; the longest day on offer is not beyond what was asked; there is no for ever", async () => {
    await using shown = await ask({ ...full, request: { several: false } });
    const group = shown.page.locator("[data-rule=C4]");
    expect(await group.locator("input:checked").getAttribute("value")).toBe("once");
    expect(await group.locator("input[type=radio]").evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value))).toEqual([
      "once",
      "P30D",
      "P90D",
      "day",
    ]);
    await group.getByText("Pick a date").click();
    const max = (await group.locator("input[type=date]").getAttribute("max")) ?? "";
    expect(Date.parse(max)).toBeLessThanOrEqual(Date.now() + 366 * 86_400_000);
    expect(await group.innerText()).not.toMatch(/ever|always|unlimited/i);
  });

  test("C4 90 days is what is granted, in whole seconds", async () => {
    await using shown = await ask(full);
    await box(shown.page, "profile/name").check();
    await shown.page.getByLabel("90 days").check();
    await settle(shown.page);
    await shown.page.getByRole("button", { name: "Share 1 item" }).click();
    await shown.page.getByRole("heading", { name: "Shared with" }).waitFor();
    const [granted] = (await approval(shown)).details;
    expect(Math.abs(Date.parse(granted?.expires ?? "") - Date.now() - 90 * 86_400_000)).toBeLessThan(60_000);
    expect(granted?.expires).toMatch(/T\d\d:\d\d:\d\dZ$/);
    expect(granted?.frequency).toEqual({ max: 24, per: "PT24H" });
  });

  test("C5 to C8 and C13 are said: how often, how long kept, who else, a country outside flagged, what a no means", async () => {
    await using shown = await ask(full);
    await boxes(shown.page).first().waitFor();
    const text = await shown.page.locator("main").innerText();
    for (const part of [
      "one time",
      "at most 30 days after reading",
      "Corriere Veloce S.p.A.",
      "United States (outside the EU's data law)",
      "a number made for this shop alone",
      "You type your details into the shop's own form.",
    ]) {
      expect(text).toContain(part);
    }
    expect(text.indexOf("They will see")).toBeLessThan(text.indexOf("Until when"));
    expect(text.indexOf("Until when")).toBeLessThan(text.indexOf("How often"));
    expect(text.indexOf("How often")).toBeLessThan(text.indexOf("If you don't share"));
  });
});

describe("the two answers", () => {
  test.each([320, 1280])("C9 have one box and one style, no first, at %i px", async (width) => {
    await using shown = await ask(full, { width });
    const { page } = shown;
    await box(page, "profile/name").check();
    const look = await buttons(page).evaluateAll((all) =>
      all.map((each) => {
        const { width, height } = each.getBoundingClientRect();
        const style = getComputedStyle(each);
        return [
          Math.round(width),
          Math.round(height),
          style.color,
          style.backgroundColor,
          style.borderColor,
          style.borderStyle,
          style.borderWidth,
          style.fontWeight,
          style.fontSize,
        ].join(" ");
      }),
    );
    expect(look).toHaveLength(2);
    expect(look[0]).toBe(look[1]);
    await expect.poll(() => buttons(page).allInnerTexts(), patience).toEqual(["Don’t share", "Share 1 item"]);
    await buttons(page).first().focus();
    await page.keyboard.press("Tab");
    expect(
      await buttons(page)
        .last()
        .evaluate((each) => each === document.activeElement),
    ).toBe(true);
  });

  test("C9 with nothing chosen the right one is dashed, says why, and does nothing", async () => {
    await using shown = await ask(full);
    const share = buttons(shown.page).last();
    expect(await share.innerText()).toBe("Choose something to share");
    expect(await share.getAttribute("aria-disabled")).toBe("true");
    expect(await share.evaluate((each) => getComputedStyle(each).borderStyle)).toBe("dashed");
    await settle(shown.page);
    // It says that it is disabled, and a person can press it all the same.
    await share.click({ force: true });
    await shown.page.waitForTimeout(80);
    expect(await names(shown)).not.toContain("approve");
  });

  test("C9 Enter in the page, in a box or in a field sends nothing", async () => {
    await using shown = await ask(empty);
    const { page } = shown;
    await settle(page);
    await box(page, "profile/name").check();
    await page.getByLabel("First name", { exact: true }).fill("Ottavia");
    await page.keyboard.press("Enter");
    await box(page, "profile/name").focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("30 days").focus();
    await page.keyboard.press("Enter");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press("Enter");
    await page.waitForTimeout(80);
    expect(await names(shown)).not.toContain("approve");
    expect(await names(shown)).not.toContain("decline");
  });

  test("C9 a click within 600 ms of the page being shown or focused again counts for nothing", async () => {
    await using shown = await ask(full);
    const { page } = shown;
    const no = page.getByRole("button", { name: "Don’t share" });
    await settle(page);
    await page.evaluate(() => dispatchEvent(new Event("focus")));
    await no.click();
    await page.waitForTimeout(100);
    expect(await names(shown)).not.toContain("decline");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await no.click();
    await page.waitForTimeout(100);
    expect(await names(shown)).not.toContain("decline");
    await settle(page);
    await no.click();
    await page.waitForURL("**/shop?error=access_denied");
  });

  test("by keyboard alone", async () => {
    await using shown = await ask(full);
    const { page } = shown;
    const reach = async (wanted: (text: string) => boolean) => {
      for (let step = 0; step < 60; step += 1) {
        const text = await page.evaluate(() => {
          const at = document.activeElement;
          return `${at?.getAttribute("data-kind") ?? ""} ${at?.getAttribute("value") ?? ""} ${at?.textContent ?? ""}`;
        });
        if (wanted(text)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error("not reached by Tab");
    };
    await reach((text) => text.startsWith("profile/name"));
    await page.keyboard.press("Space");
    await reach((text) => text.includes("once"));
    await page.keyboard.press("ArrowDown");
    await settle(page);
    await reach((text) => text.includes("Share 1 item"));
    await page.keyboard.press("Space");
    await page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
    expect(await page.getByRole("heading", { level: 1 }).evaluate((each) => each === document.activeElement)).toBe(true);
    const [granted] = (await approval(shown)).details;
    expect(granted?.paths).toEqual(["profile/name:given"]);
    expect(Math.abs(Date.parse(granted?.expires ?? "") - Date.now() - 30 * 86_400_000)).toBeLessThan(60_000);
  });

  test("what was typed and ticked survives a prompt that was closed", async () => {
    await using shown = await ask({ ...empty, failing: { approve: "cancelled" } });
    const { page } = shown;
    await box(page, "profile/name").check();
    await page.getByLabel("First name", { exact: true }).fill("Ottavia");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByRole("alert").getByText("Not shared.").waitFor();
    expect(await page.getByLabel("First name", { exact: true }).inputValue()).toBe("Ottavia");
    await expect.poll(() => page.getByRole("button", { name: "Share 1 item" }).count(), patience).toBe(1);
  });

  test.each([
    ["offline", { ...full, online: false }, "Can’t share: you are offline"],
    ["two keys", { ...full, request: { keyMatches: "no" } }, "Can’t share: two keys"],
    ["an alarm", { ...full, alarm: true }, "Can’t share: see the warning above"],
    ["no kit before the second shop", { ...full, kit: false }, "Can’t share yet: make your kit first"],
  ] as Array<[string, Prepared, string]>)(
    "sharing is blocked by %s, which is the button's name; refusing is not",
    async (_, prepared, name) => {
      await using shown = await ask(prepared);
      await box(shown.page, "profile/name").check();
      const share = shown.page.getByRole("button", { name });
      expect(await share.getAttribute("aria-disabled")).toBe("true");
      await settle(shown.page);
      // It says that it is disabled, and a person can press it all the same.
      await share.click({ force: true });
      await shown.page.waitForTimeout(60);
      expect(await names(shown)).not.toContain("approve");
      await shown.page.getByRole("button", { name: "Don’t share" }).click();
      await shown.page.waitForURL("**/shop?error=access_denied");
    },
  );
});

describe("around the decision", () => {
  test("C10 asks once: no timer and no badge on the page", async () => {
    await using shown = await ask(full);
    const before = await shown.page.locator("main").innerText();
    await shown.page.waitForTimeout(1200);
    expect(await shown.page.locator("main").innerText()).toBe(before);
  });

  test("C11 the receipt is seen first, says where to stop, and leads on", async () => {
    await using shown = await ask(empty);
    const { page } = shown;
    await box(page, "profile/name").check();
    await page.getByLabel("First name", { exact: true }).fill("Ottavia");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    const receipt = page.locator("[data-rule=C11]");
    await receipt.waitFor();
    const text = await receipt.innerText();
    for (const part of ["№ 0043", "First name", "under Connections", "make your recovery kit"]) expect(text).toContain(part);
    await page.getByRole("button", { name: "Continue to Libreria Aldina" }).click();
    await page.waitForURL("**/shop?code=1");
  });

  test("C12 where the same shop reads already, what is new is marked in words and nothing is ticked", async () => {
    await using shown = await ask({ ...full, request: { again: true } });
    await boxes(shown.page).first().waitFor();
    await expect.poll(() => shown.page.locator("li.item", { hasText: "+ new" }).count(), patience).toBe(2);
    await expect.poll(() => shown.page.locator("li.item", { hasText: "they can read this now" }).count(), patience).toBe(2);
    await expect.poll(() => shown.page.locator("input[type=checkbox]:checked").count(), patience).toBe(0);
  });

  test("a visitor who isn't signed in sees who and why, may refuse, and begins on the same page", async () => {
    await using shown = await ask({ state: "signed-out", store: "empty" });
    const { page } = shown;
    await expect.poll(() => page.locator("[data-rule=C2]").count(), patience).toBe(1);
    await expect.poll(() => page.getByRole("button", { name: "Don’t share" }).count(), patience).toBe(1);
    await page.getByText("It may also leave receipts and papers for you.").waitFor();
    await page.getByText(/^At the latest \d+ \w+ \d{4}$/).waitFor();
    await page.getByRole("button", { name: "Use a passkey to begin" }).click();
    await boxes(page).first().waitFor();
    expect(new URL(page.url()).pathname).toBe("/ask/r1");
    expect(await names(shown)).toContain("begin");
  });

  test("a store that this browser can't open is opened with the kit on the same page", async () => {
    await using shown = await ask({ state: "signed-out", store: "full", failing: { unlock: "kit_needed" } });
    const { page } = shown;
    await page.getByRole("button", { name: "I have a store" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Use my recovery kit" }).click();
    await page.getByLabel("Code on the kit").fill("abcd efgh ijkl mnop qrst uvwx yz23 4567");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("Which ways in do you still trust?").waitFor();
    for (const keep of await page.getByLabel("Keep", { exact: true }).all()) await keep.check();
    await page.getByRole("button", { name: "Make a passkey here" }).click();
    await page.getByLabel("I have kept it").check();
    await page.getByRole("button", { name: "Done" }).click();
    await boxes(page).first().waitFor();
    expect(new URL(page.url()).pathname).toBe("/ask/r1");
  });

  test("refusing works while a passkey prompt is open", async () => {
    await using shown = await ask({ ...full, hanging: ["approve"] });
    const { page } = shown;
    await box(page, "profile/name").check();
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByText("Answer your device's prompt").waitFor();
    await page.getByRole("button", { name: "Don’t share" }).click();
    await page.waitForURL("**/shop?error=access_denied");
  });

  test("who stays after sharing finds the connections and the kit", async () => {
    await using shown = await ask({ ...empty, kit: false });
    const { page } = shown;
    await box(page, "profile/name").check();
    await page.getByLabel("First name", { exact: true }).fill("Ottavia");
    await settle(page);
    await page.getByRole("button", { name: "Share 1 item" }).click();
    await page.getByRole("heading", { name: "Shared with" }).waitFor();
    await expect.poll(() => page.locator("main a").count(), patience).toBe(0);
    await page.getByRole("button", { name: "Stay here" }).click();
    expect(await page.getByRole("link", { name: "See my connections" }).getAttribute("href")).toBe("/");
    await expect.poll(() => page.getByRole("button", { name: "Continue to Libreria Aldina" }).count(), patience).toBe(1);
    await page.getByRole("link", { name: "Make it now" }).click();
    await page.getByRole("heading", { level: 1, name: "Safety" }).waitFor();
  });

  test.each([
    ["run out", { expires: "2020-01-01T00:00:00Z" }, "This request has run out"],
    ["answered", { state: "answered" }, "Answered already"],
  ] as const)("a request that is %s says so and offers no answer", async (_, request, title) => {
    await using shown = await ask({ ...full, request });
    await shown.page.getByRole("heading", { level: 1, name: title }).waitFor();
    await expect.poll(() => buttons(shown.page).count(), patience).toBe(0);
    await shown.page.getByRole("link", { name: "See my connections" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "Connections" }).waitFor();
  });

  test("a request that has run out leads a stranger to the beginning", async () => {
    await using shown = await ask({ state: "signed-out", store: "empty", failing: { request: "expired_link" } });
    await shown.page.getByRole("link", { name: "Begin with a passkey" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "Make your store" }).waitFor();
  });
});
