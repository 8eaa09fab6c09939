import { join } from "node:path";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { addAuthenticator, type PrfSupport } from "../support/authenticator.ts";
import type { House } from "./house.ts";

/** What a page shows a moment after a click. */
export const patience = { timeout: 8000 };

/** Someone at a browser of their own. */
export interface Person extends AsyncDisposable {
  context: BrowserContext;
  page: Page;
  faults: string[];
  /** How many passkey prompts were answered so far. */
  prompts: () => Promise<number>;
  /** What PRF answered last; empty where the authenticator has none. */
  prf: () => Promise<Buffer>;
}

/** A browser of its own, with an authenticator of its own. */
export async function person(browser: Browser, prf: PrfSupport): Promise<Person> {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await addAuthenticator(page, { prf });
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
  });
  // Counts prompts, and keeps what PRF answered: it must never be in a request.
  await page.addInitScript(() => {
    const note = (name: string, add: (before: string) => string) => localStorage.setItem(name, add(localStorage.getItem(name) ?? ""));
    for (const name of ["create", "get"] as const) {
      const original = CredentialsContainer.prototype[name];
      CredentialsContainer.prototype[name] = async function (
        this: CredentialsContainer,
        options?: CredentialCreationOptions & CredentialRequestOptions,
      ) {
        note("test-prompts", (before) => String(Number(before) + 1));
        const made = (await original.call(this, options)) as PublicKeyCredential | null;
        const answer = made?.getClientExtensionResults().prf?.results?.first;
        if (answer)
          note("test-prf", () => [...new Uint8Array(answer as ArrayBuffer)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
        return made;
      };
    }
  });
  return {
    context,
    page,
    faults,
    prompts: () => page.evaluate(() => Number(localStorage.getItem("test-prompts") ?? 0)),
    prf: async () => Buffer.from(await page.evaluate(() => localStorage.getItem("test-prf") ?? ""), "hex"),
    async [Symbol.asyncDispose]() {
      // What the page looked like at the end, for whoever mends a failure.
      if (process.env.FLOW_PICTURES)
        await page.screenshot({ path: join(process.env.FLOW_PICTURES, `${Date.now()}.png`), fullPage: true }).catch(() => undefined);
      await context.close();
    },
  };
}

/** A box on the request screen. */
export const item = (page: Page, kind: string): Locator => page.locator(".item", { has: page.locator(`input[data-kind="${kind}"]`) });

/** What the shop's own page of customers says. */
export async function customers(house: House, page: Page, { sync = true } = {}): Promise<string> {
  await page.goto(`${house.shop}/crm`);
  if (sync) await page.getByRole("button", { name: "Sync now" }).click();
  return page.locator("main").innerText();
}

/** Opens the app, and the store with it if it is locked. */
export async function openStore(page: Page, house: House, who: Person): Promise<void> {
  await page.goto(house.issuer);
  const unlock = page.getByRole("button", { name: "Open my store" });
  const opened = page.getByRole("button", { name: "Lock" });
  await unlock.or(opened).first().waitFor();
  if (await unlock.isVisible()) await unlock.click();
  await opened.waitFor();
  expect(who.faults).toEqual([]);
}

/** The kit's code from its sheet, and two of its groups typed back. */
export async function makeKit(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Make a kit" }).click();
  await page.locator(".groups li").first().waitFor();
  const code = (await page.locator(".groups").first().innerText()).match(/\b[A-Z2-7]{4}\b/g) ?? [];
  expect(code).toHaveLength(8);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page
    .getByLabel(/^Group \d$/)
    .first()
    .waitFor();
  for (const field of await page.getByLabel(/^Group \d$/).all()) {
    const label = (await field.evaluate((input) => (input as HTMLInputElement).labels?.[0]?.textContent)) ?? "";
    await field.fill(code[Number(/\d/.exec(label)?.[0]) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Check and activate" }).click();
  await page.getByText("Your kit works").first().waitFor();
  return code.join(" ");
}
