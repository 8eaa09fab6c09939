import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { webApp } from "../../../web/build/app.ts";
import { addAuthenticator } from "../../support/authenticator.ts";
import { launchBrowser } from "../../support/browser.ts";
import { Clock } from "../../support/clock.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import { type System, startSystem } from "../../support/system.ts";

const web = join(import.meta.dirname, "..", "..", "..", "web");

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let here: System;
let elsewhere: System;
let browser: Browser;
beforeAll(async () => {
  folder = await scratchFolder();
  const workers = { vault: join(web, "vault", "worker.ts"), imports: join(web, "imports", "worker.ts") };
  await build({ ...webApp({ root: join(web, "customer"), outDir: folder.path, workers }), configFile: false, logLevel: "error" });
  const start = () => startSystem({ clock: new Clock(Date.now()), config: { web: folder.path } });
  [here, elsewhere, browser] = await Promise.all([start(), start(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await here?.[Symbol.asyncDispose]();
  await elsewhere?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

async function device() {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
  });
  await addAuthenticator(page);
  return { context, page, faults };
}

test("taken along sealed, erased in every tab, and brought back on another server", async () => {
  const { page, context, faults } = await device();
  await page.goto(`${here.issuer}/start`);
  await press(page, "Make my store");
  await heading(page, "Your store is ready").waitFor();
  await page.getByRole("link", { name: "Add my details" }).click();
  await page.getByRole("link", { name: "E-mail and phone" }).click();
  await page.getByRole("button", { name: "Add e-mail" }).first().click();
  await page.getByLabel("E-mail address").fill("ottavia@posta.example");
  await press(page, "Save");
  await page.getByText("ottavia@posta.example").first().waitFor();

  await page.getByRole("link", { name: "You", exact: true }).click();
  await page.getByRole("link", { name: "Take your data with you" }).click();
  const saved = page.waitForEvent("download");
  await press(page, "Make a sealed file");
  const path = join(folder.path, "mine.counterfoil");
  await (await saved).saveAs(path);
  const code = (await page.getByLabel("Code of the file").locator("li").allInnerTexts()).join(" ");
  await page.getByLabel("I have written the code down").check();
  await press(page, "Done");
  expect((await readFile(path)).toString()).not.toMatch(/ottavia|posta|profile/);

  const second = await context.newPage();
  await second.goto(`${here.issuer}/`);
  await second.getByText("Your store is locked").waitFor();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "You", exact: true }).click();
  await page.getByRole("link", { name: "Delete your store" }).click();
  await page.getByRole("radio", { name: /^Now/ }).check();
  await press(page, "Delete my store");
  await press(page, "Delete it now");
  await heading(page, "Your store is deleted").waitFor();
  await second.getByText("Your details, in your hands").first().waitFor();
  await page.reload();
  await heading(page, "Your details, in your hands").waitFor();

  const other = await device();
  await other.page.goto(`${elsewhere.issuer}/restore`);
  await other.page.getByLabel("Sealed file").setInputFiles(path);
  await other.page.getByLabel("Code of the file").fill(code);
  await press(other.page, "Open the file");
  await press(other.page, "Make a store and bring it in");
  await heading(other.page, "Your data is back").waitFor();
  await other.page.getByRole("link", { name: "See my data" }).click();
  await other.page.getByRole("link", { name: "E-mail and phone" }).click();
  await other.page.getByText("ottavia@posta.example").first().waitFor();
  expect([...faults, ...other.faults]).toEqual([]);
  await Promise.all([context.close(), other.context.close()]);
});
