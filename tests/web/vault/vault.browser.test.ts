import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webApp } from "../../../web/build/app.ts";
import type { SecurityFile } from "../../../web/build/integrity.ts";
import type { Approval, Edit, Kit, StoreView, Vault } from "../../../web/vault/vault.ts";
import { addAuthenticator, type PrfSupport } from "../../support/authenticator.ts";
import { launchBrowser } from "../../support/browser.ts";
import { Clock } from "../../support/clock.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import { type System, startSystem } from "../../support/system.ts";
import { asksAt, details, shop, thumbprintOf } from "./house.ts";

declare global {
  var vault: Vault;
}

const vaultFolder = join(import.meta.dirname, "..", "..", "..", "web", "vault");
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Vault</title>
    <script type="module" src="./main.ts"></script>
  </head>
  <body></body>
</html>
`;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let system: System;
let browser: Browser;

beforeAll(async () => {
  folder = await scratchFolder();
  const source = join(folder.path, "in");
  await mkdir(source);
  await writeFile(join(source, "index.html"), page);
  await writeFile(
    join(source, "main.ts"),
    `import { createVault } from ${JSON.stringify(join(vaultFolder, "client.ts"))}; globalThis.vault = createVault();`,
  );
  const app = webApp({
    root: source,
    outDir: join(folder.path, "out"),
    workers: { vault: join(vaultFolder, "worker.ts") },
  });
  const modules = join(vaultFolder, "..", "..", "node_modules");
  // The page lies in a folder from which no package is found.
  const resolve = { alias: { "@preact/signals": join(modules, "@preact", "signals"), preact: join(modules, "preact") } };
  await build({ ...app, resolve, configFile: false, logLevel: "error" });
  system = await startSystem({ clock: new Clock(Date.now()), config: { web: join(folder.path, "out") } });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await system?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function tab(context: BrowserContext, prf: PrfSupport | undefined, fragment = ""): Promise<Page> {
  const opened = await context.newPage();
  if (prf !== undefined) await addAuthenticator(opened, { prf });
  await opened.goto(`${system.issuer}/start${fragment}`);
  await opened.waitForFunction(() => globalThis.vault?.state.value !== undefined && globalThis.vault.state.value !== "loading");
  return opened;
}

const state = (at: Page): Promise<string> => at.evaluate(() => vault.state.value);
const view = (at: Page): Promise<StoreView> => at.evaluate(() => structuredClone(vault.store.value) as StoreView);
const codeOf = (at: Page, verb: "unlock" | "begin"): Promise<string> =>
  at.evaluate(
    async (name) =>
      vault[name]().then(
        () => "",
        (error: { code: string }) => error.code,
      ),
    verb,
  );

async function share(at: Page, edits: readonly Edit[]): Promise<string> {
  const vendor = shop();
  const request = await asksAt(system, vendor, details(["profile/emails"], system.clock.now()));
  const enc = await thumbprintOf(vendor);
  const approval: Approval = {
    request,
    details: details(["profile/emails"], system.clock.now()),
    edits,
    notice: { text: "Shown", language: "en" },
  };
  return at.evaluate(
    async ([asked, key]) => {
      location.hash = `enc=${key}`;
      await vault.request(asked.request);
      return (await vault.approve(asked)).grant;
    },
    [approval, enc] as const,
  );
}

describe.each([
  ["with PRF", true, true],
  ["with PRF only at login", "hmac-secret", false],
  ["without PRF", false, false],
] as const)("a passkey %s", (_, prf, opensAfterFirstAct) => {
  test("begins, shares, locks every tab, and opens again", { timeout: 60_000 }, async () => {
    const context = await browser.newContext();
    const first = await tab(context, prf);
    expect(await state(first)).toBe("signed-out");
    await first.evaluate(() => vault.begin());
    await share(first, [{ path: "profile/emails", value: { address: "ada@example.org" } }]);
    const open = await view(first);
    expect(open.alarms).toEqual([]);
    expect(open.records.find((record) => record.kind === "profile/emails")?.value).toEqual({ address: "ada@example.org" });
    expect(open.ways.find((way) => way.kind === "passkey")?.opens).toBe(opensAfterFirstAct);

    const second = await tab(context, undefined);
    expect(await state(second)).toBe("locked");
    await second.waitForFunction(() => vault.outline.value.length === 1);
    await second.evaluate(() => vault.lock());
    await first.waitForFunction(() => vault.state.value === "locked");
    expect(await view(first)).toBeUndefined();
    await first.evaluate(() => vault.unlock());
    expect((await view(first)).head).toEqual(open.head);

    await first.reload();
    await first.waitForFunction(() => globalThis.vault?.state.value === "locked");
    await first.evaluate(() => vault.unlock());
    expect((await view(first)).records.find((record) => record.kind === "profile/emails")?.value).toEqual({ address: "ada@example.org" });
    await first.evaluate(() => vault.signOut());
    expect(await state(first)).toBe("signed-out");
    // Without PRF this browser's own key was the only opener, and is gone with what it remembered.
    expect(await codeOf(first, "unlock")).toBe(opensAfterFirstAct ? "" : "kit_needed");
    await context.close();
  });
});

test("two tabs of one browser: what one changes, the other shows; what one locks, both lock", async () => {
  const context = await browser.newContext();
  const first = await tab(context, true);
  await first.evaluate(() => vault.begin());
  await share(first, [{ path: "profile/emails", value: { address: "ada@example.org" } }]);
  const kit = await first.evaluate(() => vault.makeKit());
  await first.evaluate((made: Kit) => vault.confirmKit([made.groups[made.ask[0]] ?? "", made.groups[made.ask[1]] ?? ""]), kit);
  const second = await tab(context, true);
  await second.evaluate((code) => vault.recover(code).then(() => undefined), kit.groups.join(" "));
  expect(await state(second)).toBe("unlocked");
  await second.evaluate(() => vault.save({ path: "profile/name", value: { given: "Ada" } }));
  await first.waitForFunction(() => JSON.stringify(vault.store.value?.records).includes('"given":"Ada"'));
  await second.evaluate(() => vault.lock());
  await first.waitForFunction(() => vault.state.value === "locked");
  await context.close();
});

test("a worker with one byte more is not started", async () => {
  const { workers } = JSON.parse(await readFile(join(folder.path, "out", "security.json"), "utf8")) as SecurityFile;
  const context = await browser.newContext();
  await context.route(`**${workers.vault?.url ?? ""}`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${await response.text()} ` });
  });
  const at = await tab(context, true);
  expect(await codeOf(at, "begin")).toBe("tampered");
  await context.close();
});

test("a store of a thousand records opens", { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  const at = await tab(context, true);
  await at.evaluate(() => vault.begin());
  await share(
    at,
    Array.from({ length: 985 }, (_, index) => ({ path: "profile/online", value: { service: "forum", user: `user-${index}` } })),
  );
  await at.evaluate(() => vault.lock());
  await at.waitForFunction(() => vault.outline.value.length === 1);
  await at.evaluate(() => vault.unlock());
  expect((await view(at)).records.length).toBeGreaterThan(985);
  await context.close();
});
