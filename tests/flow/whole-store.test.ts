import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipSync } from "fflate";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { searchPlaintext } from "../support/plaintext-search.ts";
import { type House, openHouse } from "./house.ts";
import { customers, openStore, patience, person } from "./person.ts";

const fixtures = join(import.meta.dirname, "..", "imports", "fixtures");

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("fills a store from files, says what was a gift, shares tastes, takes everything along, and leaves nothing behind", {
  timeout: 300_000,
}, async () => {
  await using house = await openHouse();
  await using owner = await person(browser, true);
  const { page } = owner;
  await page.goto(`${house.issuer}/start`);
  await page.getByRole("button", { name: "Make my store" }).click();
  await page.getByRole("heading", { name: "Your store is ready" }).waitFor();

  // Three files, as a phone and a shop write them.
  await bring(page, "icloud-iphone-ios17.vcf", () => page.getByLabel("Ottavia Lloyd").check());
  await bring(page, "amazon-retail-order-history-2023.csv");
  await bring(page, "amazon-order-history-2026.csv");

  // Each purchase is for herself, except what went to an aunt.
  await page.getByRole("link", { name: "Say for whom it was" }).click();
  await page.locator(".item-name").waitFor();
  for (let left = await toSort(page); left > 0; left--) {
    await page.keyboard.press((await page.locator(".item-name").innerText()).includes("Book of Tea") ? "3" : "1");
    await expect.poll(() => toSort(page), patience).toBe(left - 1);
  }
  await page.getByRole("link", { name: "All purchases" }).click();
  await page.getByText("all sorted").first().waitFor();

  // The shop asks for book purchases; what leaves is how many.
  await page.goto(house.shop);
  await page.getByRole("button", { name: "Use my Counterfoil" }).click();
  await page.getByRole("button", { name: "Open my store" }).click();
  const purchases = page.locator(".item", { has: page.locator('input[data-kind="purchases"]') });
  await purchases.locator('input[data-kind="purchases"]').check();
  await purchases.locator('[data-form="tastes"]').check();
  await purchases.locator('[data-category="books"]').check();
  await purchases.locator('[data-recipient="self"]').check();
  await purchases.getByLabel("Bought since").selectOption("");
  await page.getByLabel("90 days").check();
  await purchases.getByText("Books 2").waitFor();
  // The two answers do nothing in the first moment (C9).
  await page.waitForTimeout(650);
  await page.getByRole("button", { name: "Share 1 item" }).click();
  await page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
  await page.getByText("Continue to Libreria Aldina").click();
  await page.getByRole("heading", { name: "Thank you" }).waitFor();
  await using shopkeeper = await person(browser, true);
  const before = await customers(house, shopkeeper.page);
  expect(before).toMatch(/books \(2\)/i);
  expect(before).not.toContain("Invisible Cities");

  // One of them was a gift after all: the shop's list follows.
  await openStore(page, house, owner);
  await page.goto(`${house.issuer}/data/purchases`);
  await openIfLocked(page);
  await page.getByLabel(/^For whom: Invisible Cities/).selectOption("gift");
  await expect.poll(() => customers(house, shopkeeper.page), { timeout: 20_000, interval: 1000 }).toMatch(/books \(1\)/i);

  // Everything is taken along, in plain and sealed.
  const plain = await plainStore(page, house);
  expect(plain.records.filter(({ path }) => path.startsWith("purchases/")).length).toBeGreaterThanOrEqual(7);
  await page.goto(`${house.issuer}/you/export`);
  await openIfLocked(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make a sealed file" }).click()]);
  const code = (await page.getByRole("list", { name: "Code of the file" }).innerText()).match(/\b[A-Z2-7]{4}\b/g) ?? [];
  expect(code).toHaveLength(8);
  const sealed = await download.path();
  const texts = ["ottavia@posta.example", "Invisible Cities", "Via della Madonna del Mare", code.join("")];
  expect(await searchPlaintext(texts, { paths: [sealed] })).toEqual([]);
  await page.getByLabel("I have written the code down").check();
  await page.getByRole("button", { name: "Done" }).click();

  // Until here the server has had none of it either: not on its disk, in its memory or log, nor in what was sent to it.
  await house.snapshot();
  const serverSide = { buffers: { requests: house.sent(), log: house.log() }, paths: [house.data, house.heap()] };
  expect(await searchPlaintext(texts, serverSide)).toEqual([]);
  expect((await searchPlaintext(["Libreria Aldina S.r.l."], serverSide)).some(({ place }) => place.includes(house.heap()))).toBe(true);

  // The store is erased, at once: neither its names nor anything of it are on the server's disk.
  const names = await namesOf(house);
  expect(names.length).toBeGreaterThan(10);
  expect((await searchPlaintext(names, { paths: [house.data] })).length).toBeGreaterThan(0);
  await page.goto(`${house.issuer}/you/erase`);
  await openIfLocked(page);
  await page.getByLabel(/^Now/).check();
  await page.getByRole("button", { name: "Delete my store" }).click();
  await page.getByRole("button", { name: "Delete it now" }).click();
  await page.getByRole("heading", { name: "Your store is deleted" }).waitFor();
  expect(await searchPlaintext([...names, ...texts], { paths: [house.data] })).toEqual([]);
  const after = await customers(house, shopkeeper.page);
  expect(after).toContain("erased");
  expect(await searchPlaintext(["Invisible Cities", "books (1)"], { paths: [house.customers] })).toEqual([]);

  // A new store takes the file, and says the same again, byte for byte.
  await using later = await person(browser, true);
  await later.page.goto(`${house.issuer}/restore`);
  await later.page.locator("input[type=file]").setInputFiles({
    name: "mine.counterfoil",
    mimeType: "application/octet-stream",
    buffer: await readFile(sealed),
  });
  await later.page.getByLabel("Code of the file").fill(code.join(" ").toLowerCase());
  await later.page.getByRole("button", { name: "Open the file" }).click();
  await later.page.getByRole("heading", { name: "What is in it" }).waitFor();
  await later.page.getByRole("button", { name: "Make a store and bring it in" }).click();
  await later.page.getByRole("heading", { name: "Your data is back" }).waitFor();
  const again = await plainStore(later.page, house);
  expect(JSON.stringify(again.records)).toBe(JSON.stringify(plain.records));
  expect([...owner.faults, ...later.faults]).toEqual([]);
});

async function bring(page: Page, file: string, choose?: () => Promise<void>): Promise<void> {
  await page.goto(new URL("/data/import", page.url()).href);
  await openIfLocked(page);
  await page.locator("input[type=file]").setInputFiles(join(fixtures, file));
  await choose?.();
  await page.getByRole("button", { name: /^Bring in \d/ }).click();
  await page.getByRole("heading", { name: /entr(y is|ies are) in/ }).waitFor();
}

/** A page that was loaded anew has no key. */
async function openIfLocked(page: Page): Promise<void> {
  const unlock = page.getByRole("button", { name: "Open my store" });
  await unlock
    .or(page.getByRole("button", { name: "Lock" }))
    .first()
    .waitFor();
  if (await unlock.isVisible()) await unlock.click();
  await page.getByRole("button", { name: "Lock" }).waitFor();
}

const toSort = async (page: Page): Promise<number> =>
  Number(/(\d+)/.exec((await page.locator(".sort-box strong").first().innerText()).replace("Nothing", "0"))?.[1] ?? 0);

interface PlainStore {
  readonly records: ReadonlyArray<{ readonly path: string; readonly value: unknown }>;
}

async function plainStore(page: Page, house: House): Promise<PlainStore> {
  await page.goto(`${house.issuer}/you/export`);
  await openIfLocked(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make plain files" }).click()]);
  const files = unzipSync(new Uint8Array(await readFile(await download.path())));
  const store = Object.entries(files).find(([name]) => name.endsWith("store.json"))?.[1];
  return JSON.parse(new TextDecoder().decode(store)) as PlainStore;
}

/** By what the server's disk knows the one store: its account, records, grants and shares, in the journal or where it has been put. */
async function namesOf(house: House): Promise<string[]> {
  const names = new Set<string>();
  for (const file of await readdir(house.data, { recursive: true })) {
    if (!file.includes("journal") && !file.startsWith("stores")) continue;
    const text = await readFile(join(house.data, file), "latin1").catch(() => "");
    for (const [, id = ""] of text.matchAll(/(?:"store":"|"grants","|(?:purchases|imports|profile\/emails)\/)([A-Za-z0-9_-]{22})"/g))
      names.add(id);
  }
  return [...names];
}
