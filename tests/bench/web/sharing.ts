import type { Browser } from "playwright-core";
import { openHouse } from "../../flow/house.ts";
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
      await page.locator(`[data-form="${form === "tastes" ? "tastes" : ""}"]`).check();
      await page.locator('[data-category="books"]').check();
      await page.locator('[data-recipient="self"]').check();
      await page.getByLabel("Bought since").selectOption("");
      await page.getByLabel("90 days").check();
      // The two answers do nothing in the first moment (C9).
      await page.waitForTimeout(1000);
      const began = performance.now();
      await page.getByRole("button", { name: /^Share \d/ }).click();
      await page.getByRole("heading", { name: "Shared with Libreria Aldina" }).waitFor();
      rows.push({
        name: `${size} purchases, ${form === "tastes" ? "as tastes" : "whole"}`,
        figures: { "share ms": performance.now() - began },
      });
      await page.getByText("Continue to Libreria Aldina").click();
      await page.getByRole("heading", { name: "Thank you" }).waitFor();
    }
  }
  return {
    title: "Sharing purchases",
    note: "From Share to the receipt: prompt, consent, every share sealed and durable at the server.",
    rows,
  };
}
