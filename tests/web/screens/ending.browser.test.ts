import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const ended: Prepared = { ...full, endings: true };
const open = (path: string, prepared: Prepared = full, width = 1280) => show(at.browser, at.screens, path, prepared, { width });
type Shown = Awaited<ReturnType<typeof open>>;
const narrowed = async (shown: Shown) =>
  (await shown.calls()).filter(([name]) => name === "narrow").map(([, ...args]) => args as [string, AuthorizationDetails]);
const date = (days: number) =>
  new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" }).format(Date.now() + days * 86_400_000);

describe("S3: share less", () => {
  test("shows what goes, asks once without a passkey, and takes just that away", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await page.getByRole("button", { name: "Share less" }).click();
    const form = page.locator("form[data-rule=S3]");
    const submit = form.locator("button[type=submit]");
    await expect.poll(() => submit.innerText(), patience).toBe("Untick something first");
    expect(await submit.getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("checkbox", { name: /^E-mail/ }).uncheck();
    await form.getByText("E-mail ottavia@posta.example, home no longer").waitFor();
    await form.getByText("First name Ottavia stays").waitFor();
    await form.getByText(`Libreria Aldina is asked to delete what it has read of it, by ${date(7)}.`).waitFor();
    await submit.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("heading", { name: "Share less with Libreria Aldina?" }).waitFor();
    await dialog.getByText("This can't be undone from here").waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent), patience).toBe("Keep it as it is");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await narrowed(shown)).toEqual([]);
    await submit.click();
    await dialog.getByRole("button", { name: "Share less" }).click();
    await page.getByRole("status").getByText("Libreria Aldina can read less now.").waitFor();
    const [[grant, details]] = (await narrowed(shown)) as [[string, AuthorizationDetails]];
    expect(grant).toBe("grant-42");
    expect(details.map((each) => each.paths)).toEqual([["profile/name:given"]]);
    await form.waitFor({ state: "detached" });
    await page.getByText(`Changed on ${date(0)}, now 1 thing`).waitFor();
    await page
      .locator("[data-rule=deletion]")
      .getByText(`Deletion of what you took away: waiting until ${date(7)}`)
      .waitFor();
    await page.getByRole("img", { name: /changed once/ }).waitFor();
    expect((await shown.calls()).map(([name]) => name)).toEqual(["narrow"]);
  });

  test("a lesser form stays in place of the whole", async () => {
    await using shown = await open("/c/grant-38");
    const { page } = shown;
    await page.getByRole("button", { name: "Share less" }).click();
    expect(await page.locator("form[data-rule=S3] input[type=radio]:checked").count()).toBe(1);
    await page.getByLabel("only the country").check();
    await page.locator("form[data-rule=S3] button[type=submit]").click();
    await page.getByRole("dialog").getByRole("button", { name: "Share less" }).click();
    await expect
      .poll(async () => (await narrowed(shown)).map(([, details]) => details[0]?.paths), patience)
      .toEqual([["profile/addresses/a1:country"]]);
  });

  test("of a collection, kinds of thing go; of everything it says to stop instead", async () => {
    await using shown = await open("/c/crowd-0", { ...full, crowd: true });
    const { page } = shown;
    await page.getByRole("button", { name: "Share less" }).click();
    await page.getByLabel("Books", { exact: true }).uncheck();
    const submit = page.locator("form[data-rule=S3] button[type=submit]");
    await expect.poll(() => submit.innerText(), patience).toBe("That would be all of it: stop it instead");
    await submit.click({ force: true });
    await expect.poll(() => page.getByRole("dialog").count(), patience).toBe(0);
    await page.getByLabel("Books", { exact: true }).check();
    await page.getByRole("checkbox", { name: /^Tastes/ }).uncheck();
    await submit.click();
    await page.getByRole("dialog").getByRole("button", { name: "Share less" }).click();
    await expect
      .poll(async () => (await narrowed(shown)).map(([, details]) => [details[0]?.paths, details[0]?.filter]), patience)
      .toEqual([[["purchases"], { categories: ["books"], since: "2025-01-01" }]]);
  });

  test("a shop that has read nothing isn't asked to delete anything", async () => {
    await using shown = await open("/c/unread", ended);
    await shown.page.locator("[data-rule=deletion]").getByText("Nothing was read, so there’s nothing to delete").waitFor();
    await using running = await open("/c/crowd-2", { ...full, crowd: true });
    await running.page.getByRole("button", { name: "Share less" }).click();
    await running.page.getByRole("checkbox", { name: /^E-mail/ }).uncheck();
    await running.page.getByText("They have read nothing yet").waitFor();
  });

  test("another device was first: it says so, and nothing is lost", async () => {
    await using shown = await open("/c/grant-42", { ...full, failing: { narrow: "stale" } });
    const { page } = shown;
    await page.getByRole("button", { name: "Share less" }).click();
    await page.getByRole("checkbox", { name: /^E-mail/ }).uncheck();
    await page.locator("form[data-rule=S3] button[type=submit]").click();
    await page.getByRole("dialog").getByRole("button", { name: "Share less" }).click();
    await page.getByRole("dialog").getByRole("alert").getByText("Another device changed your store").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.getByRole("checkbox", { name: /^E-mail/ }).isChecked()).toBe(false);
  });

  test("offline, the button says why not; locked, it isn't there", async () => {
    await using offline = await open("/c/grant-42", { ...full, online: false });
    await offline.page.getByRole("button", { name: "Share less" }).click();
    await expect
      .poll(() => offline.page.locator("form[data-rule=S3] button[type=submit]").innerText(), patience)
      .toBe("Can’t change: you are offline");
    await using locked = await open("/c/grant-42", { ...full, state: "locked" });
    await locked.page.getByRole("button", { name: "Stop Connection 0042" }).waitFor();
    await expect.poll(() => locked.page.getByRole("button", { name: "Share less" }).count(), patience).toBe(0);
  });

  test("by keyboard alone", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await page.getByRole("button", { name: "Share less" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("data-path")), patience).toBe("profile/name:given");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("can read less now").waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent), patience).toBe("Libreria Aldina");
  });
});

describe("end earlier", () => {
  test("offers only days before the agreed one, and ends with the chosen day", async () => {
    await using shown = await open("/c/grant-42");
    const { page } = shown;
    await page.getByRole("button", { name: "End earlier" }).click();
    const field = page.getByLabel("Last day");
    const max = (await field.getAttribute("max")) ?? "";
    expect(Date.parse(max)).toBeLessThan(Date.now() + 40 * 86_400_000);
    await field.fill("2099-01-01");
    await expect.poll(() => field.getAttribute("aria-invalid"), patience).toBe("true");
    await expect
      .poll(() => page.locator("form[data-rule=S3] button[type=submit]").innerText(), patience)
      .toBe("Choose an earlier day first");
    const chosen = new Date(Date.now() + 5 * 86_400_000);
    await field.fill(chosen.toISOString().slice(0, 10));
    await page.locator("form[data-rule=S3] button[type=submit]").click();
    await page.getByRole("dialog").getByText("and nothing after that").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "End earlier" }).click();
    await page
      .getByRole("status")
      .getByText(/^Libreria Aldina ends /)
      .waitFor();
    const [[, details]] = (await narrowed(shown)) as [[string, AuthorizationDetails]];
    expect(details[0]?.paths).toEqual(["profile/name:given", "profile/emails/e1"]);
    expect(Math.abs(Date.parse(details[0]?.expires ?? "") - chosen.getTime())).toBeLessThan(86_400_000);
  });
});

describe("what becomes of what was read", () => {
  const panel = async (grant: string) => {
    const shown = await open(`/c/${grant}`, ended);
    await shown.page.locator("[data-rule=deletion]").waitFor();
    return { shown, text: await shown.page.locator("[data-rule=deletion]").innerText() };
  };

  test.each([
    ["waiting", [`Deletion: waiting until ${date(5)}`, "line doesn't answer now"]],
    [
      "overdue",
      [
        `Deletion: overdue since ${date(-12)}`,
        "We could not tell this shop: its line is dead.",
        "naming connection № 0061",
        "data protection authority",
      ],
    ],
    ["confirmed", [`Confirmed deleted on ${date(-1)}`, "Removed you from the mailing list", "Nothing of yours is left with us."]],
    [
      "kept",
      ["Invoice 2026/118", "the law asks for it, until 31 Dec 2036", "Ten years, art. 2220", "Back-up tapes", "doesn't say until when"],
    ],
    ["unread", ["Nothing was read, so there’s nothing to delete"]],
    ["ran-out", ["This ran out on", "it learns of it when it next tries to read"]],
    ["narrowed", ["You took something away on", "The shop's own machine got the message"]],
  ])("%s", async (grant, parts) => {
    const { shown, text } = await panel(grant);
    for (const part of parts) expect(text).toContain(part);
    await shown[Symbol.asyncDispose]();
  });

  test("the shop's words stand as quotes, in a language of their own", async () => {
    const { shown } = await panel("kept");
    const quotes = shown.page.locator("[data-rule=deletion] q");
    expect(await quotes.allInnerTexts()).toEqual([
      "Invoice 2026/118",
      "Ten years, art. 2220 of the civil code",
      "Back-up tapes",
      "Erased your card",
    ]);
    expect(await quotes.first().getAttribute("lang")).toBe("");
    await shown[Symbol.asyncDispose]();
  });

  test("what can be done leads to the shop's contact", async () => {
    const { shown } = await panel("overdue");
    const { page } = shown;
    await page.locator("[data-rule=deletion]").getByRole("link", { name: "Contact" }).click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.id), patience).toBe("contact");
    await page.getByRole("heading", { level: 1, name: "Vini del Carso" }).waitFor();
    expect(await page.getByRole("link", { name: "privacy@overdue.example" }).getAttribute("href")).toBe("mailto:privacy@overdue.example");
    await shown[Symbol.asyncDispose]();
  });

  test("D9: the ended group and Who has what say it in one line, and the group's name counts what is overdue", async () => {
    await using home = await open("/", ended);
    const group = home.page.locator("details[data-rule=D9]");
    expect(await group.locator("summary").innerText()).toBe("8 ended · 1 deletion overdue");
    await group.locator("summary").click();
    const line = async (name: string) =>
      (await group.locator("li", { hasText: name }).locator("[data-rule=deletion]").allInnerTexts()).join();
    expect(await line("Vini del Carso")).toBe(`Deletion: overdue since ${date(-12)}`);
    expect(await line("Mobili Timavo")).toContain("Invoice 2026/118");
    expect(await line("Casa Editrice Sud")).toBe("");
    expect(await group.locator("li", { hasText: "Mobili Timavo" }).innerText()).toContain(`Ended by the shop ${date(-2)}`);
    await using who = await open("/data/who", ended);
    await who.page.locator("[data-rule=D10] summary").click();
    await who.page.getByText(`Confirmed deleted on ${date(-1)}`).waitFor();
    await who.page.getByText(`Deletion: overdue since ${date(-12)}`).waitFor();
  });

  test("what happened stands in order: given, changed, ended by whom", async () => {
    await using narrowed = await open("/c/narrowed", ended);
    await expect
      .poll(() => narrowed.page.locator("ol.points li").allInnerTexts(), patience)
      .toEqual([`Given on ${date(-50)}`, `Changed on ${date(-30)}`, `Changed on ${date(-2)}, now 2 things`]);
    await expect.poll(() => narrowed.page.locator(".t-change").count(), patience).toBe(2);
    const last = async (grant: string) => {
      await using shown = await open(`/c/${grant}`, ended);
      return await shown.page.locator("ol.points li").last().innerText();
    };
    expect(await last("kept")).toBe(`The shop ended it on ${date(-2)}`);
    expect(await last("overdue")).toBe(`You stopped it on ${date(-2)}`);
    expect(await last("ran-out")).toBe(`It ran out on ${date(-2)}`);
  });
});

test("the standard record is saved beside the receipt, as JSON-LD", async () => {
  await using shown = await open("/c/grant-42");
  const { page } = shown;
  await page.getByRole("button", { name: "Show the receipt" }).click();
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save as a standard record" }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe("counterfoil-grant-42.jsonld");
  const [record, receipt] = JSON.parse(await readFile(await saved.path(), "utf8"));
  expect([record["@type"], receipt["@type"]]).toEqual(["ConsentRecord", "ConsentReceipt"]);
  await using failing = await open("/c/grant-42", { ...full, failing: { consentRecord: "tampered" } });
  await failing.page.getByRole("button", { name: "Show the receipt" }).click();
  await failing.page.getByRole("button", { name: "Save as a standard record" }).click();
  await failing.page.getByRole("alert").getByText("isn't what your devices signed").waitFor();
});

describe.each([
  ["sharing less", "/c/grant-42", "Share less"],
  ["ending earlier", "/c/grant-42", "End earlier"],
  ["kept", "/c/kept", "Show the receipt"],
  ["overdue", "/c/overdue", undefined],
  ["changed", "/c/narrowed", "Share less"],
])("%s", (_, path, button) => {
  test.each(LOOKS)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await show(at.browser, at.screens, path, ended, { width, dark: scheme === "dark" });
    const { page } = shown;
    if (button !== undefined) await page.getByRole("button", { name: button }).click();
    if (button === "Share less") await page.getByRole("checkbox", { name: /^E-mail/ }).uncheck();
    await page.locator("main h2").first().waitFor();
    await page.waitForTimeout(100);
    await expectSound(shown);
  });
});
