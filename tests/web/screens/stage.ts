import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { launchBrowser } from "../../support/browser.ts";
import { type Screens, serveScreens } from "./page.ts";

/** What a page shows a moment after a click. */
export const patience = { timeout: 8000 };

/** A browser and the built screens, for all tests of one file. */
export function stage(): { readonly browser: Browser; readonly screens: Screens } {
  const at = {} as { browser: Browser; screens: Screens };
  beforeAll(async () => {
    [at.browser, at.screens] = await Promise.all([launchBrowser(), serveScreens()]);
  });
  afterAll(async () => {
    await at.browser?.close();
    await at.screens?.[Symbol.asyncDispose]();
  });
  return at;
}
