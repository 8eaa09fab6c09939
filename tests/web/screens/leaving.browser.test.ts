import { readFile } from "node:fs/promises";
import { unzipSync } from "fflate";
import type { Download, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { show } from "./page.ts";
import type { Prepared } from "./prepared-state.ts";
import { expectSound, LOOKS } from "./sound.ts";
import { patience, stage } from "./stage.ts";

const at = stage();

const full: Prepared = { state: "unlocked", store: "full", kit: true };
const out: Prepared = { state: "signed-out", store: "empty" };
const CODE = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567";
const HEADER = '{"id":"AAECAwQFBgcICQoLDA0ODw","made":"2026-11-21T10:15:00.000Z","type":"https://w3id.org/counterfoil/export/1"}\n';

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });
const names = async (shown: { calls(): Promise<Array<[string, ...unknown[]]>> }) => (await shown.calls()).map(([name]) => name);
const bytes = async (download: Download): Promise<Buffer> => readFile(await download.path());
const choose = (page: Page, text: string, name = "mine.counterfoil") =>
  page.getByLabel("Sealed file").setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });

describe("taking data out", () => {
  test("a sealed file is saved, and its code stays until it was written down, whatever else is pressed", async () => {
    await using shown = await show(at.browser, at.screens, "/you", full);
    const { page } = shown;
    await page.getByRole("link", { name: "Take your data with you" }).click();
    const saved = page.waitForEvent("download");
    await press(page, "Make a sealed file");
    expect((await saved).suggestedFilename()).toMatch(/^counterfoil-\d{4}-\d\d-\d\d\.counterfoil$/);
    expect((await bytes(await saved)).toString()).toBe("sealed");
    await heading(page, "Your sealed file is ready").waitFor();
    expect((await page.getByLabel("Code of the file").locator("li").allInnerTexts()).join("-")).toBe(CODE);

    await page.getByRole("link", { name: "My data" }).click();
    const question = page.getByRole("dialog", { name: "Leave without the code?" });
    expect(await question.getByRole("button", { name: "Stay here" }).evaluate((each) => each === document.activeElement)).toBe(true);
    await press(page, "Stay here");
    await heading(page, "Your sealed file is ready").waitFor();
    // A store that locks itself doesn't take the code along.
    await press(page, "Lock");
    await expect.poll(() => page.getByLabel("Code of the file").locator("li").count(), patience).toBe(8);
    // Playwright would wait for it to be enabled.
    await page.getByRole("button", { name: /^Tick/ }).click({ force: true });
    await heading(page, "Your sealed file is ready").waitFor();
    await page.getByLabel("I have written the code down").check();
    await press(page, "Done");
    await page.getByText("Your store is locked").waitFor();
    await expect.poll(() => page.getByText("ABCD").count(), patience).toBe(0);
  });

  test("one may leave without the code, after the question", async () => {
    await using shown = await show(at.browser, at.screens, "/you/export", full);
    await press(shown.page, "Make a sealed file");
    await heading(shown.page, "Your sealed file is ready").waitFor();
    await shown.page.getByRole("link", { name: "My data" }).click();
    await press(shown.page, "Leave");
    await heading(shown.page, "My data").waitFor();
  });

  test("the way back asks as well, and goes back once it was answered", async () => {
    await using shown = await show(at.browser, at.screens, "/you", full);
    const { page } = shown;
    await page.getByRole("link", { name: "Take your data with you" }).click();
    await press(page, "Make a sealed file");
    await page.locator(".groups").waitFor();
    await page.goBack();
    await page.getByRole("dialog", { name: "Leave without the code?" }).waitFor();
    await press(page, "Stay here");
    await expect.poll(() => page.getByLabel("Code of the file").locator("li").count(), patience).toBe(8);
    await page.goBack();
    await press(page, "Leave");
    await heading(page, "You").waitFor();
    await page.goForward();
    await heading(page, "Take your data with you").waitFor();
    await press(page, "Make a sealed file");
    await page.getByLabel("I have written the code down").check();
    await press(page, "Done");
    await heading(page, "Take your data with you").waitFor();
    await page.goBack();
    await heading(page, "You").waitFor();
  });

  test("plain files come as one zip, after the warning, without a fault of the page's own policy", async () => {
    await using shown = await show(at.browser, at.screens, "/you/export", full);
    const { page } = shown;
    await page.getByText("Anyone who gets hold of them").waitFor();
    const saved = page.waitForEvent("download");
    await press(page, "Make plain files");
    expect((await saved).suggestedFilename()).toMatch(/-plain\.zip$/);
    const files = unzipSync(await bytes(await saved));
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(["README.txt", "index.html", "store.json", "contacts.vcf", "csv/purchases.csv"]),
    );
    expect(new TextDecoder().decode(files["contacts.vcf"])).toContain("FN:Ottavia Bellini");
    const record = JSON.parse(new TextDecoder().decode(files["connections/0042-aldina.example.jsonld"]));
    expect(record).toMatchObject([{ "@type": "ConsentRecord", grant: "grant-42" }, { "@type": "ConsentReceipt" }]);
    await heading(page, "Your files are ready").waitFor();
    await expect.poll(() => page.getByText("could not be made").count(), patience).toBe(0);
    expect(shown.faults).toEqual([]);
  });

  test("records that can't be made hold nothing up, are told, and aren't asked for without end", async () => {
    await using shown = await show(at.browser, at.screens, "/you/export", { ...full, failing: { consentRecord: "offline" } });
    const saved = shown.page.waitForEvent("download");
    await press(shown.page, "Make plain files");
    const files = unzipSync(await bytes(await saved));
    expect(Object.keys(files)).toContain("connections/0042-aldina.example.json");
    await shown.page.getByText("The standard records of 5 connections could not be made").waitFor();
    expect((await names(shown)).filter((each) => each === "consentRecord")).toHaveLength(3);
  });

  test("a closed prompt gives nothing, and says so", async () => {
    await using shown = await show(at.browser, at.screens, "/you/export", { ...full, failing: { exportPlain: "cancelled" } });
    let downloads = 0;
    shown.page.on("download", () => {
      downloads += 1;
    });
    await press(shown.page, "Make plain files");
    await shown.page.getByText("The passkey prompt was closed").waitFor();
    expect(downloads).toBe(0);
  });
});

describe("deleting the store", () => {
  test("says who stops and what stays, offers the way out, and takes the less final way unless told", async () => {
    await using shown = await show(at.browser, at.screens, "/you/erase", full);
    const { page } = shown;
    const text = await page.locator("main").innerText();
    for (const said of ["Libreria Aldina", "Velo Cluj", "Farmacia Trieste", "backups", "have read already"]) expect(text).toContain(said);
    expect(text).not.toContain("Bottega Carsica");
    expect(await page.getByRole("link", { name: "Take your data with you first" }).getAttribute("href")).toBe("/you/export");
    expect(await page.getByLabel("In 7 days").isChecked()).toBe(true);
    await press(page, "Delete my store");
    const keep = page.getByRole("dialog").getByRole("button", { name: "Keep my store" });
    expect(await keep.evaluate((each) => each === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await expect.poll(() => page.getByRole("dialog").count(), patience).toBe(0);
    expect(await names(shown)).not.toContain("erase");

    await press(page, "Delete my store");
    await press(page, "Delete it in 7 days");
    const band = page.getByRole("complementary", { name: "Notices" });
    await band.getByText(/^Your store will be deleted on \d+ \w+ \d{4}$/).waitFor();
    expect((await shown.calls()).find(([name]) => name === "erase")?.[1]).toEqual({ when: "later", askDeletion: true });
    await page.getByRole("link", { name: "My data" }).click();
    await heading(page, "My data").waitFor();
    await band.getByRole("button", { name: "Keep my store" }).click();
    await expect.poll(() => page.getByText("Your store will be deleted").count(), patience).toBe(0);
    expect(await names(shown)).toContain("keep");
  });

  test("now: one question, then a page that says it is done and leads to a first page", async () => {
    await using shown = await show(at.browser, at.screens, "/you/erase", full);
    const { page } = shown;
    await page.getByRole("radio", { name: /^Now/ }).check();
    await page.getByLabel("Ask these shops to delete").uncheck();
    await press(page, "Delete my store");
    await press(page, "Delete it now");
    await heading(page, "Your store is deleted").waitFor();
    expect((await shown.calls()).find(([name]) => name === "erase")?.[1]).toEqual({ when: "now", askDeletion: false });
    await page.getByRole("link", { name: "To the first page" }).click();
    await heading(page, "Your details, in your hands").waitFor();
  });

  test("works while the store is locked, without a name", async () => {
    await using shown = await show(at.browser, at.screens, "/you/erase", { state: "locked", store: "full" });
    await shown.page.getByText("3 connections stop at once.").waitFor();
    expect(await shown.page.locator("main").innerText()).not.toContain("Aldina");
    await press(shown.page, "Delete my store");
    await press(shown.page, "Delete it in 7 days");
    await expect.poll(() => names(shown), patience).toContain("erase");
  });

  test("a prompt that was closed leaves the question open, with what was wrong", async () => {
    await using shown = await show(at.browser, at.screens, "/you/erase", { ...full, failing: { erase: "cancelled" } });
    await press(shown.page, "Delete my store");
    await press(shown.page, "Delete it in 7 days");
    await shown.page.getByRole("dialog").getByText("The passkey prompt was closed").waitFor();
  });
});

describe("bringing a sealed file back", () => {
  test("from the first page to a new store, with what is in it before anything is made", async () => {
    await using shown = await show(at.browser, at.screens, "/", out);
    const { page } = shown;
    await page.getByRole("link", { name: "I have a sealed file" }).click();
    await choose(page, `${HEADER}AAAA\n`);
    await page.getByText(/^Made 21 Nov 2026/).waitFor();
    await page.getByLabel("Code of the file").fill(CODE.toLowerCase());
    await press(page, "Open the file");
    await page.getByRole("heading", { name: "What is in it" }).waitFor();
    expect(await page.locator("dl").innerText()).toMatch(/E-mail\s+2 entries/);
    expect(await names(shown)).toEqual(["openExport"]);
    await press(page, "Make a store and bring it in");
    await heading(page, "Your data is back").waitFor();
    expect(await names(shown)).toEqual(["openExport", "begin", "restore"]);
    await page.getByText("71 entries are in their places.").waitFor();
  });

  test.each([
    ["another kind of file", "BEGIN:VCARD\r\n", "This isn't a sealed file from Counterfoil"],
    ["an empty file", "", "This file is empty"],
    ["a later version", HEADER.replace("export/1", "export/2"), "A newer version of Counterfoil made this file"],
    ["something else of five megabytes in one line", "x".repeat(5_000_000), "This isn't a sealed file from Counterfoil"],
  ])("%s is told as soon as it is chosen, and never opened", async (_, content, told) => {
    await using shown = await show(at.browser, at.screens, "/restore", out);
    const { page } = shown;
    await choose(page, content);
    await page.getByRole("alert").getByText(told).waitFor();
    await page.getByLabel("Code of the file").fill(CODE);
    await press(page, "Open the file");
    await expect.poll(() => page.getByLabel("Sealed file").evaluate((each) => each === document.activeElement), patience).toBe(true);
    expect(await names(shown)).toEqual([]);
    // What was typed is still there for the right file.
    expect(await page.getByLabel("Code of the file").inputValue()).toBe(CODE);
    await choose(page, `${HEADER}AAAA\n`);
    await press(page, "Open the file");
    await page.getByRole("heading", { name: "What is in it" }).waitFor();
  });

  test("half a code is counted, a wrong one is told at its field, a damaged file at the file", async () => {
    await using shown = await show(at.browser, at.screens, "/restore", out);
    const { page } = shown;
    await press(page, "Open the file");
    await page.getByText("Choose a file first.").waitFor();
    await choose(page, `${HEADER}AAAA\n`);
    await page.getByLabel("Code of the file").fill("ABCD");
    await press(page, "Open the file");
    await page.getByText("4 of 32 characters.").waitFor();
    await page.getByLabel("Code of the file").fill(CODE.replace("ABCD", "ABCE"));
    await press(page, "Open the file");
    await page.getByText("This code doesn't open this file.").waitFor();

    await using damaged = await show(at.browser, at.screens, "/restore", { ...out, failing: { openExport: "invalid" } });
    await choose(damaged.page, `${HEADER}AAAA\n`);
    await damaged.page.getByLabel("Code of the file").fill(CODE);
    await press(damaged.page, "Open the file");
    await damaged.page.getByText("This file was cut off, mixed up or changed").waitFor();
  });

  test("a store that holds something else says so and loses nothing", async () => {
    await using shown = await show(at.browser, at.screens, "/restore", { ...full, failing: { restore: "not_empty" } });
    const { page } = shown;
    await choose(page, `${HEADER}AAAA\n`);
    await page.getByLabel("Code of the file").fill(CODE);
    await press(page, "Open the file");
    await press(page, "Bring it into this store");
    await page.getByText("This store already holds something else").waitFor();
    expect(await names(shown)).not.toContain("begin");
  });
});

const SCREENS: Array<[string, string, Prepared, ((page: Page) => Promise<unknown>)?]> = [
  ["you", "/you", full],
  ["export", "/you/export", { ...full, failing: { exportSealed: "offline" } }, (page) => press(page, "Make a sealed file")],
  ["export, the code", "/you/export", full, (page) => press(page, "Make a sealed file").then(() => page.locator(".groups").waitFor())],
  ["erase", "/you/erase", { ...full, erasing: true }],
  ["erase, the question", "/you/erase", full, (page) => press(page, "Delete my store")],
  ["restore", "/restore", out, (page) => choose(page, "x").then(() => page.getByRole("alert").waitFor())],
];
describe.each(SCREENS)("%s", (_, path, prepared, act) => {
  test.each(LOOKS)("in %s at %i px: axe finds nothing, nothing is wider than the window", async (scheme, width) => {
    await using shown = await show(at.browser, at.screens, path, prepared, { width, dark: scheme === "dark" });
    await heading(shown.page, "").waitFor();
    await act?.(shown.page);
    await shown.page.waitForTimeout(40);
    await expectSound(shown);
  });
});
