import { readFile } from "node:fs/promises";
import type { Browser, CDPSession, Page } from "playwright-core";
import type { Purchase } from "#protocol/data/purchases.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { kitCode } from "#protocol/sealing/kit-code.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { addAuthenticator } from "../../support/authenticator.ts";
import { Customer } from "../../support/customer.ts";

/** A page of the app whose store holds these values, with a passkey that opens it. */
export interface OpenApp extends AsyncDisposable {
  readonly page: Page;
  readonly session: CDPSession;
  /** Goes there and opens the store: milliseconds from the click to the open store. */
  visit(path: string): Promise<number>;
  /** Megabytes of the page's own heap, rubbish collected. The worker's is not in it. */
  heap(): Promise<number>;
  /** Resident megabytes of the process that the page and its workers run in. */
  resident(): Promise<number>;
}

const AT_ONCE = 1000;

export async function openApp(
  browser: Browser,
  issuer: string,
  values: ReadonlyArray<readonly [path: string, value: unknown]>,
): Promise<OpenApp> {
  const customer = await Customer.register(issuer, Date.now);
  for (let at = 0; at < values.length; at += AT_ONCE)
    await customer.commit({ records: Object.fromEntries(values.slice(at, at + AT_ONCE).map(([path, value]) => [path, { value }])) });
  const secret = randomBytes(16);
  await customer.addKit(secret);
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await addAuthenticator(page, { prf: true });
  await page.goto(`${issuer}/safety/recover`);
  await page.getByLabel("Code on the kit").fill((await kitCode(secret)).join(" "));
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("button", { name: "Make a passkey here" }).waitFor();
  for (const keep of await page.getByLabel("Keep", { exact: true }).all()) await keep.check();
  await page.getByRole("button", { name: "Make a passkey here" }).click();
  await page.getByLabel("I have kept it").check();
  await page.getByRole("button", { name: "Done" }).click();
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  return {
    page,
    session,
    async visit(path) {
      await page.goto(`${issuer}${path}`);
      const unlock = page.getByRole("button", { name: "Open my store" });
      await unlock.waitFor();
      const began = performance.now();
      await unlock.click();
      await page.getByRole("button", { name: "Lock" }).waitFor();
      return performance.now() - began;
    },
    async heap() {
      await session.send("HeapProfiler.collectGarbage");
      const { metrics } = await session.send("Performance.getMetrics");
      return (metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0) / 1e6;
    },
    async resident() {
      const whole = await browser.newBrowserCDPSession();
      const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
      await whole.detach();
      const sizes = await Promise.all(processInfo.filter(({ type }) => type === "renderer").map(({ id }) => residentOf(id)));
      return Math.max(...sizes);
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1000;
}

/** Milliseconds from an input to the second frame after it: handlers, rendering and painting are in it. */
export const frameAfter = (page: Page, selector: string, value: string): Promise<number> =>
  page.evaluate(
    async ([at, text]) => {
      const field = document.querySelector<HTMLInputElement | HTMLSelectElement>(at);
      if (field === null) throw new Error(`nothing at ${at}`);
      const began = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
      // No function with a name: what tsx adds to one isn't there in the page.
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return performance.now() - began;
    },
    [selector, value] as const,
  );

/** From now on the page counts how long its main thread was away at most. The answer ends it: milliseconds. */
export async function watchFrames(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const watch = globalThis as unknown as { longest: number; last: number; watching: ReturnType<typeof setInterval> };
    watch.longest = 0;
    watch.last = performance.now();
    watch.watching = setInterval(() => {
      const now = performance.now();
      watch.longest = Math.max(watch.longest, now - watch.last);
      watch.last = now;
    }, 4);
  });
  return () =>
    page.evaluate(() => {
      const watch = globalThis as unknown as { longest: number; watching: ReturnType<typeof setInterval> };
      clearInterval(watch.watching);
      return watch.longest;
    });
}

const SELLERS = ["Amazon", "Libreria Aldina", "Casalinghi Bora", "Sport Carso", "Velo Cluj"];
const CATEGORIES = ["books", "kitchen", "clothing", "electronics", "garden", "toys"] as const;
const RECIPIENTS = ["self", "self", "household", "gift", "work", "unknown"] as const;

/** What somebody has bought in ten years, the same each time. */
export const manyPurchases = (count: number): Array<readonly [path: string, value: Purchase]> =>
  Array.from({ length: count }, (_, at) => {
    const day = new Date(Date.UTC(2016, 0, 1) + Math.floor((at * 3_600) / count) * 86_400_000).toISOString().slice(0, 10);
    return [
      `purchases/${newId()}`,
      {
        item: `Thing number ${at} of ${["oak", "brass", "linen", "paper", "glass"][at % 5]}, with a name as long as shops make them`,
        seller: SELLERS[at % SELLERS.length] as string,
        date: day,
        category: CATEGORIES[at % CATEGORIES.length] as (typeof CATEGORIES)[number],
        recipient: RECIPIENTS[at % RECIPIENTS.length] as (typeof RECIPIENTS)[number],
        price: { amount: `${(at % 97) + 1}.${String(at % 100).padStart(2, "0")}`, currency: "EUR" },
        order: `40${at}-${at * 7}`,
      },
    ];
  });
