import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const out: Prepared = { state: "signed-out", store: "empty" };
const CODE = "k".repeat(43);
const KIT = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567";

const link = `/move#from=${encodeURIComponent("https://old.example")}&code=${CODE}`;

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const names = async (shown: { calls(): Promise<Array<[string, ...unknown[]]>> }) => (await shown.calls()).map(([name]) => name);

async function offered(page: Page): Promise<void> {
  await page.getByLabel("Address of the new server").fill("new.example");
  await press(page, "Move there");
  await press(page, "Approve the move");
  await page.getByRole("heading", { name: "Now open your store" }).waitFor();
}

describe("moving to another server", () => {
  test("says what happens, takes only an address, asks once, and gives the link; until then it can be called off on every page", async () => {
    await using shown = await show(at.browser, at.screens, "/you", full);
    const { page } = shown;
    await page.getByRole("link", { name: "Move to another server" }).click();
    await page.getByText("Your passkeys belong to this address").waitFor();
    for (const wrong of ["", "over there", "https://x.example/path", "http://x.example"]) {
      await page.getByLabel("Address of the new server").fill(wrong);
      await press(page, "Move there");
      await page.getByText("This isn't the address of another server").waitFor();
    }
    expect(await page.getByLabel("Address of the new server").evaluate((each) => each === document.activeElement)).toBe(true);
    await page.getByLabel("Address of the new server").fill("new.example");
    await press(page, "Move there");
    const question = page.getByRole("dialog", { name: "Move to new.example?" });
    expect(await question.getByRole("button", { name: "Stay here" }).evaluate((each) => each === document.activeElement)).toBe(true);
    await press(page, "Stay here");
    expect(await names(shown)).not.toContain("move");
    await press(page, "Move there");
    await press(page, "Approve the move");
    await page.getByRole("heading", { name: "Now open your store at new.example" }).waitFor();
    expect((await shown.calls()).find(([name]) => name === "move")).toEqual(["move", "https://new.example"]);
    await page.getByText(`https://new.example/move#from=`).waitFor();
    await page.getByRole("link", { name: "Connections" }).first().click();
    await page.getByText("Your store waits to move to new.example").waitFor();
    await press(page, "Call it off");
    await expect.poll(() => page.getByText("waits to move").count(), patience).toBe(0);
    expect(await names(shown)).toContain("stay");
  });

  test("begins with the kit where there is none", async () => {
    await using shown = await show(at.browser, at.screens, "/you/move", { ...full, kit: false });
    expect(await shown.page.getByLabel("Address of the new server").count()).toBe(0);
    await shown.page.getByRole("link", { name: "Make my recovery kit" }).click();
    await shown.page.getByRole("heading", { level: 1, name: "Safety" }).waitFor();
  });
});

describe("arriving at another server", () => {
  test("the link is enough, its code doesn't stay in the address; shops that can't come are named, then the kit opens it", async () => {
    await using shown = await show(at.browser, at.screens, link, { ...out, left: ["Libreria Aldina"] });
    const { page } = shown;
    await page.getByText("From old.example").waitFor();
    expect(page.url()).not.toContain(CODE);
    await press(page, "Bring it here");
    await page.getByText("Libreria Aldina").waitFor();
    expect((await shown.calls()).find(([name]) => name === "arrive")).toEqual(["arrive", "https://old.example", CODE]);
    await press(page, "Go on");
    await page.getByLabel("Code on the kit").fill(KIT);
    await press(page, "Open");
    await page.getByRole("heading", { name: "Make a passkey for this address" }).waitFor();
    expect(await page.getByRole("radio").count(), "nothing of the old server's can be kept").toBe(0);
    await press(page, "Make a passkey here");
    await page.getByRole("heading", { name: "Your new kit" }).waitFor();
    const [, options] = (await shown.calls()).find(([name]) => name === "finishRecovery") as [string, { drop: string[] }];
    expect(options.drop.length).toBeGreaterThan(0);
    await page.getByLabel("I have kept it").check();
    await press(page, "Done");
    await page.getByRole("heading", { name: "Your store is here" }).waitFor();
  });

  test("without a link, address and code are typed; what is wrong is said at its field", async () => {
    await using shown = await show(at.browser, at.screens, "/move", out);
    const { page } = shown;
    await press(page, "Bring it here");
    await page.getByText("This isn't the address of another server").waitFor();
    await page.getByText("This isn't a whole code").waitFor();
    await page.getByLabel("Address of the old server").fill("https://old.example/");
    await page.getByLabel("Code of the move").fill(` ${CODE} `);
    await press(page, "Bring it here");
    await page.getByLabel("Code on the kit").waitFor();
    expect((await shown.calls()).find(([name]) => name === "arrive")).toEqual(["arrive", "https://old.example", CODE]);
  });

  test("a move that doesn't work says where the store is", async () => {
    await using shown = await show(at.browser, at.screens, link, { ...out, failing: { arrive: "failed" } });
    await press(shown.page, "Bring it here");
    await shown.page.getByRole("alert").getByText("Your store is where it was.").waitFor();
  });
});

const SCREENS: Array<[string, string, Prepared, ((page: Page) => Promise<unknown>)?]> = [
  ["leaving, on its way", "/you/move", full, offered],
  ["arriving, by hand", "/move", out, (page) => press(page, "Bring it here")],
  ["arriving, without a shop", link, { ...out, left: ["Libreria Aldina"] }, (page) => press(page, "Bring it here")],
];
describe.each(SCREENS)("%s", (name, path, prepared, act) => {
  test.each(LOOKS)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await show(at.browser, at.screens, path, prepared, { width, dark: scheme === "dark" });
    await shown.page.getByRole("heading", { level: 1 }).waitFor();
    await act?.(shown.page);
    await shown.page.waitForTimeout(40);
    await expectSound(shown);
    if (process.env.MOVE_PICTURES)
      await shown.page.screenshot({ path: `${process.env.MOVE_PICTURES}/${name.replaceAll(/\W+/g, "-")}-${scheme}.png`, fullPage: true });
  });
});
