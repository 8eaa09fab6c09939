import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const paused: Prepared = { ...full, restored: "paused" };
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true }).click();

describe("a server that was put back", () => {
  test("the first page says so and names its shops; nothing is ticked, and one approval lets those read that were ticked", async () => {
    await using shown = await show(at.browser, at.screens, "/", paused);
    const { page } = shown;
    await page.getByText("No shop can read anything now").waitFor();
    await page.getByText(/^This server was put back from a copy of \d/).waitFor();
    await page.getByRole("link", { name: "Choose who may read again" }).click();
    const boxes = page.getByRole("checkbox");
    await boxes.first().waitFor();
    const count = await boxes.count();
    expect(count).toBeGreaterThan(1);
    for (const box of await boxes.all()) expect(await box.isChecked()).toBe(false);
    // The shop that was paused by hand before is not among them.
    await page.getByRole("button", { name: "Tick who may read again" }).click({ force: true });
    expect((await shown.calls()).map(([name]) => name)).not.toContain("resume");
    await page.getByText("You changed what it may read. That change is lost.").waitFor();

    await page.getByRole("checkbox", { name: "Libreria Aldina" }).check();
    await press(page, "Let 1 shop read again");
    await page.getByRole("status").getByText("1 shop can read again.").waitFor();
    expect((await shown.calls()).filter(([name]) => name === "resume")).toEqual([["resume", "grant-42"]]);
    await expect.poll(() => boxes.count(), patience).toBe(count - 1);

    await page.getByRole("link", { name: "Connections" }).first().click();
    await page.getByRole("link", { name: "Choose who may read again" }).click();
    for (const box of await boxes.all()) await box.check();
    await page.getByRole("button", { name: /^Let \d+ shops? read again$/ }).click();
    await page.getByText("No shop is paused because of it.").waitFor();
    await page.getByRole("link", { name: "See my connections" }).click();
    await page.getByRole("heading", { name: "Connections" }).waitFor();
    await expect.poll(() => page.getByText("This server was put back").count(), patience).toBe(0);
  });

  test.each(["behind", "held"] as const)(
    "%s what this browser has seen: it says what is missing, and goes on when it is told",
    async (restored) => {
      await using shown = await show(at.browser, at.screens, "/", { ...full, restored });
      const { page } = shown;
      await page.getByText("Newer changes of yours are not on it.", { exact: false }).waitFor();
      await page.getByRole("link", { name: "See what that means" }).click();
      await page
        .getByText(restored === "held" ? "What was open in this browser is saved again when you go on." : "enter again what is missing", {
          exact: false,
        })
        .waitFor();
      await expect.poll(() => page.getByRole("checkbox").count(), patience).toBe(0);
      await press(page, "Go on from here");
      await page.getByRole("heading", { name: "Who may read again?" }).waitFor();
      expect((await shown.calls()).map(([name]) => name)).toContain("goOn");
    },
  );

  test("without a shop to decide about it is said until it was read", async () => {
    await using shown = await show(at.browser, at.screens, "/", { ...full, restored: "quiet", fromUnknown: true });
    const { page } = shown;
    await page.getByText("This server was put back from an earlier copy").waitFor();
    await page.getByRole("link", { name: "See what that means" }).click();
    await page.getByText("No shop is paused because of it.").waitFor();
    await page.getByRole("link", { name: "See my connections" }).click();
    await page.getByRole("heading", { name: "Connections" }).waitFor();
    await expect.poll(() => page.getByText("This server was put back").count(), patience).toBe(0);
  });

  test("where resuming fails, all stay ticked and paused, and it is said", async () => {
    await using shown = await show(at.browser, at.screens, "/put-back", { ...paused, failing: { resume: "cancelled" } });
    const { page } = shown;
    await page.getByRole("checkbox", { name: "Libreria Aldina" }).check();
    await press(page, "Let 1 shop read again");
    await page.getByRole("alert").getByText("The passkey prompt was closed").waitFor();
    expect(await page.getByRole("checkbox", { name: "Libreria Aldina" }).isChecked()).toBe(true);
  });

  test("a store that is open while its session is over is opened again in its place", async () => {
    await using shown = await show(at.browser, at.screens, "/data/reach", { ...full, away: true });
    const { page } = shown;
    const notice = page.getByRole("complementary", { name: "Notices" });
    await notice.getByText("You have been signed out.").waitFor();
    await notice.getByRole("button", { name: "Open my store" }).click();
    await expect.poll(() => notice.count(), patience).toBe(0);
    expect((await shown.calls()).map(([name]) => name)).toEqual(["unlock"]);
  });

  test("offline, nothing can be let go, and the button says why", async () => {
    await using shown = await show(at.browser, at.screens, "/put-back", { ...paused, online: false });
    const { page } = shown;
    await page.getByRole("checkbox", { name: "Libreria Aldina" }).check();
    await page.getByRole("button", { name: "You are offline: let them read later" }).click({ force: true });
    expect((await shown.calls()).map(([name]) => name)).not.toContain("resume");
  });
});

const SCREENS: Array<[string, string, Prepared, ReadonlyArray<readonly ["light" | "dark", number]>, ((page: Page) => Promise<unknown>)?]> =
  [
    ["connections", "/", paused, LOOKS],
    [
      "paused, failed",
      "/put-back",
      { ...paused, failing: { resume: "put_back" } },
      LOOKS,
      (page) =>
        press(page, /^Tick all/)
          .then(() => press(page, /^Let/))
          .then(() => page.getByRole("alert").waitFor()),
    ],
    ["behind", "/put-back", { ...full, restored: "behind" }, LOOKS],
    ["paused, offline", "/put-back", { ...paused, crowd: true, online: false }, [["light", 360]]],
    [
      "behind, going on",
      "/put-back",
      { ...full, restored: "held", hanging: ["goOn"] },
      [["light", 360]],
      (page) => press(page, "Go on from here"),
    ],
    ["nothing to decide", "/put-back", { state: "unlocked", store: "empty", restored: "paused", fromUnknown: true }, [["dark", 320]]],
    ["locked", "/put-back", { state: "locked", store: "full" }, [["dark", 320]]],
    ["loading", "/put-back", { state: "loading", store: "full" }, [["dark", 320]]],
  ];
describe.each(SCREENS)("%s", (name, path, prepared, looks, act) => {
  test.each(looks)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await show(at.browser, at.screens, path, prepared, { width, dark: scheme === "dark" });
    await shown.page.getByRole("heading", { level: 1 }).waitFor();
    await act?.(shown.page);
    await shown.page.waitForTimeout(40);
    await expectSound(shown);
    if (process.env.PUT_BACK_PICTURES)
      await shown.page.screenshot({
        path: `${process.env.PUT_BACK_PICTURES}/${name.replaceAll(/\W+/g, "-")}-${scheme}.png`,
        fullPage: true,
      });
  });
});
