import type { Browser } from "playwright-core";
import { median } from "../load.ts";
import type { Row, Table } from "../results.ts";
import { manyPurchases, openApp } from "./app.ts";

const TRIES = 5;

/** From the click on "Open my store" to the open store, in Chromium with a virtual passkey that has PRF. */
export async function unlockTable(browser: Browser, issuer: string): Promise<Table> {
  const rows: Row[] = [];
  for (const size of [10, 1000, 10_000]) {
    await using app = await openApp(browser, issuer, manyPurchases(size));
    const times: number[] = [];
    // The first ones go by the device's secret: a passkey opens the store once it has been read back.
    for (let at = 0; at < TRIES + 2; at++) times.push(await app.visit("/data"));
    rows.push({
      name: `${size} purchases`,
      figures: { "unlock ms": median(times.slice(2)), "page heap MB": await app.heap(), "renderer MB": await app.resident() },
    });
  }
  return {
    title: "Unlock",
    note: `Medians of ${TRIES}, prompt of the virtual authenticator included, server on the same two cores.`,
    rows,
  };
}
