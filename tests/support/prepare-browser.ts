import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBrowser, foundBrowserVariable } from "./browser.ts";

const root = join(import.meta.dirname, "..", "..");

/** Vitest's global set-up for the browser tests: browser and build are brought once, before any test's clock runs. */
export async function setup(): Promise<void> {
  process.env[foundBrowserVariable] = JSON.stringify(await findBrowser());
  const parts = ["server/main.ts", "web/customer/index.html", "vendor-sdk/package.json"];
  if (!parts.every((part) => existsSync(join(root, part)))) return;
  await promisify(execFile)(process.execPath, ["--import", "tsx", "tests/support/build.ts", "--if-stale"], { cwd: root });
}
