import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full" };
const empty: Prepared = { state: "unlocked", store: "empty" };
const out: Prepared = { state: "signed-out", store: "empty" };
const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();
const tickAll = async (page: Page) => {
  await page.locator("input[data-kind]").first().waitFor();
  for (const each of await page.locator("input[type=checkbox]").all()) await each.check();
  await page.getByText("Pick a date").click();
};

const SCREENS: Array<[string, string, Prepared, ((page: Page) => Promise<void>)?]> = [
  ["connections", "/", { ...full, kit: false, alarm: true, online: false }, (page) => page.locator("summary").click()],
  [
    "connections, stopping",
    "/",
    full,
    (page) =>
      page
        .getByRole("link", { name: "Libreria Aldina" })
        .click()
        .then(() => press("Stop Libreria Aldina")(page)),
  ],
  ["connections, empty", "/", { ...empty, kit: true }],
  ["connections, locked", "/", { state: "locked", store: "full" }],
  ["connections, signed out", "/", out],
  ["connections, loading", "/", { state: "loading", store: "full" }, (page) => page.locator(".outline span").first().waitFor()],
  ["connection", "/c/grant-42", full, press("Show the receipt")],
  ["connections, what became of the ended", "/", { ...full, endings: true }, (page) => page.locator("main summary").click()],
  ["connection, confirmed deleted", "/c/confirmed", { ...full, endings: true }],
  [
    "connection, sharing less, asked",
    "/c/grant-42",
    { ...full, failing: { narrow: "stale" } },
    (page) =>
      press("Share less")(page)
        .then(() => page.getByRole("checkbox", { name: /^E-mail/ }).uncheck())
        .then(() => page.locator("form[data-rule=S3] button[type=submit]").click())
        .then(() => page.getByRole("dialog").getByRole("button", { name: "Share less" }).click())
        .then(() => page.getByRole("alert").waitFor()),
  ],
  ["connection, stopped", "/c/grant-12", full],
  ["connection, changed key", "/c/grant-41", full],
  ["request", "/ask/r1", { ...full, request: { several: true, again: true, keyMatches: "no", loopback: true } }, tickAll],
  [
    "request, typed",
    "/ask/r1",
    empty,
    (page) =>
      tickAll(page)
        .then(() => page.waitForTimeout(650))
        .then(() => press(/^Share/)(page)),
  ],
  ["request, signed out", "/ask/r1", { ...out, failing: { begin: "failed" } }, press("Use a passkey to begin")],
  [
    "request, failed again on the way to a change of mind",
    "/ask/r1",
    { ...full, request: { refused: true }, failing: { reopen: "offline" } },
    (page) => page.waitForTimeout(650).then(() => press("I’ve changed my mind")(page)),
  ],
  ["request, a change, locked", "/ask/r1", { state: "locked", store: "full", request: { amends: "grant-42" } }],
  ["request, a change of nothing", "/ask/r1", { ...full, request: { amends: "gone" } }],
  ["request, failed", "/ask/r1", { ...full, failing: { request: "offline" } }],
  ["my data", "/data", full],
  ["my data, searched", "/data", full, (page) => page.getByRole("searchbox").fill("aldina")],
  ["my data, empty", "/data", empty],
  ["my data, a form", "/data/addresses", full, (page) => press("Add address")(page).then(() => press("Save")(page))],
  ["my data, contact", "/data/contact", full, press(/^Edit/)],
  ["my data, contact shown", "/data/contact", full],
  ["my data, removed", "/data/reach", full, (page) => press(/^Remove/)(page).then(() => page.getByText("Undo").waitFor())],
  ["my data, offline", "/data/about", { ...full, online: false }],
  [
    "my data, not saved",
    "/data/reach",
    { ...full, failing: { save: "stale" }, elsewhere: { "profile/emails/e2": null } },
    (page) =>
      press(/^Edit/)(page)
        .then(() => press("Save")(page))
        .then(() => page.getByText("It was removed").waitFor()),
  ],
  [
    "wanted",
    "/wanted",
    full,
    (page) =>
      page
        .locator("main summary")
        .click()
        .then(() => press(/^I have it/)(page)),
  ],
  ["wanted, empty", "/wanted", empty],
  [
    "wanted, a form with faults",
    "/wanted/new",
    full,
    async (page) => {
      for (const fold of await page.locator("main summary").all()) await fold.click();
      await press("Save")(page);
      await page.locator("[aria-invalid]").waitFor();
    },
  ],
  ["wanted, ended", "/wanted/i2", full],
  ["who has what", "/data/who", { ...full, crowd: true, endings: true }, (page) => page.locator("[data-rule=D10] summary").click()],
  ["a shop's card", "/c/crowd-0", { ...full, crowd: true }, press("Change the card")],
  ["a shop's card, its own rules", "/c/grant-42", full, press("Set it for this shop")],
  ["a shop's card, blocking", "/c/grant-42", full, press(/^Block/)],
  ["safety", "/safety", full, press("Replace the kit")],
  ["safety, the kit", "/safety", empty, (page) => press("Make a kit")(page).then(() => page.locator(".qr").waitFor())],
  [
    "recovery",
    "/safety/recover",
    out,
    (page) =>
      page
        .getByLabel("Code on the kit")
        .fill("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        .then(() => press("Open")(page))
        .then(() => page.getByText("Keep").first().waitFor()),
  ],
  ["start", "/start", out],
  ["start, no passkeys", "/start", { ...out, support: "none" }],
  ["you", "/you", full, press("Sign out")],
  ["pause", "/pause#g.s", out, press("Pause it")],
  ["not found", "/nowhere/at/all", full],
];

describe.each(SCREENS)("%s", (_, path, prepared, act) => {
  test.each(LOOKS)(
    "in %s at %i px: axe finds nothing, nothing is wider than the window, nothing was refused by the page's own policy",
    async (scheme, width) => {
      await using shown = await show(at.browser, at.screens, path, prepared, { width, dark: scheme === "dark" });
      await act?.(shown.page);
      await shown.page.waitForTimeout(40);
      await expectSound(shown);
    },
  );
});

test("targets that one presses are at least 24 px, buttons 44", async () => {
  await using shown = await show(at.browser, at.screens, "/", full, { width: 320 });
  const small = await shown.page
    .locator("main a, button, summary, .nav a")
    .evaluateAll((all) =>
      all
        .filter((each) => each.checkVisibility())
        .map((each) => [each.textContent, Math.round(each.getBoundingClientRect().height), each.tagName] as const),
    );
  expect(small.length).toBeGreaterThan(5);
  for (const [text, height, tag] of small) expect(height, text ?? "").toBeGreaterThanOrEqual(tag === "A" ? 24 : 43);
});

test("the kit prints alone", async () => {
  await using shown = await show(at.browser, at.screens, "/safety", empty);
  await press("Make a kit")(shown.page);
  await shown.page.locator(".qr").waitFor();
  await shown.page.emulateMedia({ media: "print" });
  await expect.poll(() => shown.page.locator(".kit-sheet").isVisible(), patience).toBe(true);
  for (const hidden of ["Ways in", "This app", "Pause everything"])
    await expect.poll(() => shown.page.getByRole("heading", { name: hidden }).isVisible(), patience).toBe(false);
});
