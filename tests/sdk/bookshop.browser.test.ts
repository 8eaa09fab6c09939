import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkAccessibility } from "../support/axe.ts";
import { launchBrowser } from "../support/browser.ts";
import { type Bookshop, openBookshop } from "./open-bookshop.ts";

describe("the sample shop in a browser", () => {
  let shop: Bookshop;
  let browser: Browser;
  let cookie: string;
  beforeAll(async () => {
    [shop, browser] = await Promise.all([openBookshop(), launchBrowser()]);
    const stopped = await shop.share({ "profile/emails/e1": { value: { address: "gone@mail.example" } } });
    await fetch(stopped.given.redirect, { redirect: "manual", headers: { cookie: stopped.cookie } });
    await stopped.customer.revoke(stopped.given.grant);
    const active = await shop.share({
      "profile/name": { value: { given: "Anna", surname: "Unmistakable-Longname" } },
      "profile/emails/e1": { value: { address: "anna.with.a.very.long.address@mail.bookshop-customers.example" } },
      "preferences/contact": {
        value: {
          channels: [
            { channel: "email", allowed: true },
            { channel: "phone", allowed: true, hours: { days: ["SU"], from: "03:00", to: "03:01" } },
          ],
        },
      },
      ...Object.fromEntries(
        Array.from({ length: 12 }, (_, at) => [
          `purchases/b${at}`,
          {
            value: {
              item: `A book with a rather long title, volume ${at}`,
              seller: "Amazon",
              date: "2026-01-01",
              category: "books",
              recipient: "self",
            },
          },
        ]),
      ),
      "preferences/tastes/t1": { value: { about: "jazz", sentiment: "like" } },
    });
    await fetch(active.given.redirect, { redirect: "manual", headers: { cookie: active.cookie } });
    cookie = active.cookie.replace("session=", "");
  });
  afterAll(async () => {
    await browser.close();
    await shop[Symbol.asyncDispose]();
  });

  it.each([
    [360, "light"],
    [360, "dark"],
    [1280, "light"],
    [1280, "dark"],
  ] as const)("is accessible and fits at %i px in %s", async (width, colorScheme) => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    await context.addCookies([{ name: "session", value: cookie, url: shop.origin }]);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    for (const path of ["/", "/crm", "/welcome", "/nowhere"]) {
      await page.goto(shop.origin + path);
      const folder = process.env.SHOP_PICTURES;
      if (folder !== undefined)
        await page.screenshot({ path: `${folder}/shop${path.replace("/", "-")}-${width}-${colorScheme}.png`, fullPage: true });
      const { violations, checked } = await checkAccessibility(page);
      expect(checked).toBeGreaterThan(10);
      expect(violations).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    }
    expect(faults.filter((text) => !text.includes("404"))).toEqual([]);
    await context.close();
  });

  it("syncs at a press, and its other button leads to the Counterfoil server by the keyboard alone", async () => {
    const page = await browser.newPage();
    await page.goto(`${shop.origin}/crm`);
    await page.getByRole("button", { name: "Sync now" }).click();
    await page.waitForURL(`${shop.origin}/crm`);
    expect(await page.getByRole("main").innerText()).toContain("erased, stopped on");
    await page.goto(shop.origin);
    await page.getByRole("button", { name: "Use my Counterfoil" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.origin === shop.system.issuer);
    expect(new URL(page.url()).hash).toMatch(/^#enc=[\w-]{43}$/);
    await page.close();
  });
});
