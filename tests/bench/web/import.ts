import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { scratchFolder } from "../../support/scratch-folder.ts";
import type { Row, Table } from "../results.ts";
import { manyPurchases, openApp, watchFrames } from "./app.ts";

const HEADER =
  "Website,Order ID,Order Date,Currency,Unit Price,Total Owed,ASIN,Quantity,Order Status,Shipping Address,Billing Address,Product Name,Gift Message";

/** An order history as Amazon writes it, of things that were bought one at a time. */
const orderHistory = (count: number): string =>
  [
    HEADER,
    ...manyPurchases(count).map(([, { item, date, price, order }], at) =>
      [
        "Amazon.it",
        order,
        `${date}T10:15:00Z`,
        "EUR",
        price?.amount,
        price?.amount,
        at % 3 === 0 ? "0099429837" : `B0${String(at).padStart(8, "0")}`,
        1,
        "Closed",
        "Ottavia Lloyd Via della Madonna del Mare 12 Trieste",
        "Ottavia Lloyd Via della Madonna del Mare 12 Trieste",
        `"${item}"`,
        "Not Available",
      ].join(","),
    ),
  ].join("\r\n");

/** A file of orders through the real screen: read and shown, then brought into the store. */
export async function importTable(browser: Browser, issuer: string): Promise<Table> {
  await using folder = await scratchFolder();
  const rows: Row[] = [];
  for (const size of [1000, 10_000]) {
    const file = join(folder.path, `orders-${size}.csv`);
    await writeFile(file, orderHistory(size));
    await using app = await openApp(browser, issuer, []);
    const { page } = app;
    await app.visit("/data/import");
    const before = await app.heap();
    const frames = await watchFrames(page);
    let began = performance.now();
    await page.locator("input[type=file]").setInputFiles(file);
    const bring = page.getByRole("button", { name: /^Bring in [\d,]+$/ });
    await bring.waitFor();
    const read = performance.now() - began;
    began = performance.now();
    await bring.click();
    await page.getByRole("heading", { name: /entries are in/ }).waitFor();
    const brought = performance.now() - began;
    rows.push({
      name: `${size} orders`,
      figures: {
        "read and shown ms": read,
        "brought in ms": brought,
        "page away at most ms": await frames(),
        "page heap MB before": before,
        "page heap MB after": await app.heap(),
        "renderer MB": await app.resident(),
      },
    });
  }
  return {
    title: "Import",
    note: "An Amazon order history, from the file's choice to its preview, and from Bring in to the end, every record durable at the server. Away: the longest time in which the page answered nothing.",
    rows,
  };
}
