import { expect } from "vitest";
import { checkAccessibility } from "../../support/axe.ts";
import type { Shown } from "./page.ts";
import { patience } from "./stage.ts";

/** In what light and at what width every screen is looked at. */
export const LOOKS = [
  ["light", 1280],
  ["dark", 320],
] as const;

/** What holds on every screen: axe finds nothing, nothing is wider than the window, and the page's own policy refused nothing. */
export async function expectSound({ page, faults }: Shown): Promise<void> {
  const { violations, checked } = await checkAccessibility(page);
  expect(violations).toEqual([]);
  expect(checked).toBeGreaterThan(10);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  expect(faults).toEqual([]);
  await expect.poll(() => page.locator("[style]").count(), patience).toBe(0);
}
