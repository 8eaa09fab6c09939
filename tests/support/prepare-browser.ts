import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildScreens } from "../web/screens/page.ts";
import { findBrowser, foundBrowserVariable } from "./browser.ts";

const root = join(import.meta.dirname, "..", "..");

/** Vitest's global set-up for the browser tests: browser and builds are brought once, before any test's clock runs. Answers how to tidy up. */
export async function setup(): Promise<() => Promise<void>> {
  process.env[foundBrowserVariable] = JSON.stringify(await findBrowser());
  const parts = ["server/main.ts", "web/customer/index.html", "vendor-sdk/package.json"];
  const screens = await buildScreens();
  const tidy = async (): Promise<void> => screens[Symbol.asyncDispose]();
  if (!parts.every((part) => existsSync(join(root, part)))) return tidy;
  await promisify(execFile)(process.execPath, ["--import", "tsx", "tests/support/build.ts", "--if-stale"], { cwd: root });
  return tidy;
}
