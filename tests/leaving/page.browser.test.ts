import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kindAt } from "#protocol/categories.ts";
import { page as pageOf } from "../../web/leaving/page.ts";
import { launchBrowser } from "../support/browser.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { HOSTILE, sample, words } from "./sample.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

test("the page shows every value as text, runs nothing, asks for nothing, and fits a phone", async () => {
  await using folder = await scratchFolder();
  const { writeFile } = await import("node:fs/promises");
  const file = `${folder.path}/index.html`;
  await writeFile(file, [...(await pageOf(sample, (path) => kindAt(path)?.path, words))].join(""));
  const context = await browser.newContext({ viewport: { width: 360, height: 800 } });
  const page = await context.newPage();
  const asked: string[] = [];
  const said: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => said.push(message.text()));
  await page.goto(`file://${file}`);
  expect(asked).toEqual([`file://${file}`]);
  expect(said).toEqual([]);
  expect(await page.title()).toBe(words.title);
  await expect(page.locator("script, img, link, iframe").count()).resolves.toBe(0);
  const shown = await page.locator("bdi").allTextContents();
  // A line break of a foreign system is a line break.
  for (const value of [HOSTILE, "=1+1", "ספרים", "ottavia@posta.example", "LA-4471"]) expect(shown).toContain(value);
  // Its own style came through its own policy.
  expect(
    await page
      .locator("table")
      .first()
      .evaluate((each) => getComputedStyle(each).borderCollapse),
  ).toBe("collapse");
  // And the policy holds against what someone adds to the file afterwards.
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'ran'";
    document.body.append(script);
  });
  expect(await page.title()).toBe(words.title);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  await context.close();
});
