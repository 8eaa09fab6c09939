import type { Browser, Page } from "playwright-core";
import { median } from "../load.ts";
import type { Row, Table } from "../results.ts";
import { frameAfter, manyPurchases, openApp } from "./app.ts";

const TRIES = 5;

/** What a hand feels among many purchases: a letter typed, another order, a page that is worked out from all of them. */
export async function screensTable(browser: Browser, issuer: string): Promise<Table> {
  const rows: Row[] = [];
  for (const size of [1000, 10_000]) {
    await using app = await openApp(browser, issuer, manyPurchases(size));
    const { page } = app;
    await app.visit("/data/purchases");
    await page.locator("input[type=search]").waitFor();
    const search: number[] = [];
    const sort: number[] = [];
    for (let at = 0; at < TRIES; at++) {
      search.push(await frameAfter(page, "input[type=search]", `thing number ${at + 7}`));
      await frameAfter(page, "input[type=search]", "");
      await page.locator("select:has(option[value=price])").waitFor({ state: "attached" });
      sort.push(await frameAfter(page, "select:has(option[value=price])", at % 2 === 0 ? "price" : "shop"));
    }
    const tastes = await opened(page, "/data/purchases/tastes");
    await page.goBack();
    const spending = await opened(page, "/data/purchases/spending");
    const everything = await searchedEverywhere(page);
    rows.push({
      name: `${size} purchases`,
      figures: {
        "search ms": median(search),
        "sort ms": median(sort),
        "tastes ms": tastes,
        "spending ms": spending,
        "search in everything ms": everything,
        "page heap MB": await app.heap(),
      },
    });
  }
  return {
    title: "Screens over many purchases",
    note: `Medians of ${TRIES}, from the event to the second frame after it; tastes and spending from the click, their chunk of code included.`,
    rows,
  };
}

async function opened(page: Page, href: string): Promise<number> {
  await page.locator(`main a[href="${href}"]`).first().waitFor();
  const began = performance.now();
  await page.locator(`main a[href="${href}"]`).first().click();
  await page.locator("main table, main li").first().waitFor();
  return performance.now() - began;
}

async function searchedEverywhere(page: Page): Promise<number> {
  await page.locator('nav a[href="/data"]').first().click();
  await page.locator("main input[type=search]").waitFor();
  const times: number[] = [];
  for (let at = 0; at < TRIES; at++) {
    times.push(await frameAfter(page, "main input[type=search]", `number ${at + 3}`));
    await frameAfter(page, "main input[type=search]", "");
  }
  return median(times);
}
