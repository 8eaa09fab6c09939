import type { Browser } from "playwright-core";
import { openHouse } from "../../flow/house.ts";
import { median } from "../load.ts";
import type { Row, Table } from "../results.ts";
import { manyPurchases, openApp } from "./app.ts";

/** From the click on Share to the receipt, with every share at the server: the purchases themselves, and what they say in sum. */
export async function sharingTable(browser: Browser): Promise<Table> {
  const rows: Row[] = [];
  for (const size of [200, 2000]) {
    await using house = await openHouse();
    const books = manyPurchases(size).map(([path, value]) => [path, { ...value, category: "books", recipient: "self" }] as const);
    await using app = await openApp(browser, house.issuer, books);
    for (const form of ["tastes", "whole"] as const) {
      const { page } = app;
      await page.goto(house.shop);
      await page.getByRole("button", { name: "Use my Counterfoil" }).click();
      await page.getByRole("button", { name: "Open my store" }).click();
      const box = page.locator('input[data-kind="purchases"]').first();
      await box.check();
      await page.locator(`input[type=radio][value="${form === "tastes" ? "purchases:tastes" : "purchases"}"]`).check();
      const shown: number[] = [];
      const began = performance.now();
      await page.getByRole("button", { name: /^Share \d/ }).click();
      await page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
      shown.push(performance.now() - began);
      rows.push({ name: `${size} purchases, ${form === "tastes" ? "as tastes" : "whole"}`, figures: { "share ms": median(shown) } });
    }
  }
  return {
    title: "Sharing purchases",
    note: "From Share to the receipt: prompt, consent, every share sealed and durable at the server.",
    rows,
  };
}
