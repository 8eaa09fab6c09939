import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, relative } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { integrity, type SecurityFile } from "../../../web/build/integrity.ts";
import { scratchFolder } from "../../support/scratch-folder.ts";
import type { Prepared } from "./prepared-state.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".woff2": "font/woff2",
  ".svg": "image/svg+xml",
};

/** Strict enough that an inline style or script, or a foreign address, would show as a fault. */
const cspOf = ({ importMap }: SecurityFile): string =>
  `default-src 'none'; script-src 'self' '${importMap}'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types counterfoil`;

export interface Screens extends AsyncDisposable {
  origin: string;
}

/** Where `buildScreens` has put them, for the workers of one run. */
const builtScreensVariable = "COUNTERFOIL_TEST_SCREENS";

/** Builds the customer's screens over the prepared vault instead of the real one, once for all files of a run. */
export async function buildScreens(): Promise<AsyncDisposable> {
  const folder = await scratchFolder();
  // Inside the repository, so that the built page finds its packages.
  const cache = join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const source = await mkdtemp(join(cache, "screens-"));
  const html = await readFile(join(root, "web", "customer", "index.html"), "utf8");
  const toCustomer = relative(source, join(root, "web", "customer"));
  const entry = relative(source, join(import.meta.dirname, "entry.tsx"));
  await writeFile(join(source, "index.html"), html.replace('"./main.tsx"', `"${entry}"`).replaceAll('href="./', `href="${toCustomer}/`));
  await build({
    configFile: false,
    root: source,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    plugins: [integrity({ workers: { imports: join(root, "web", "imports", "worker.ts") } })],
    build: {
      outDir: folder.path,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      modulePreload: { polyfill: false },
      minify: false,
      target: "chrome125",
    },
  });
  await rm(source, { recursive: true, force: true });
  process.env[builtScreensVariable] = folder.path;
  return folder;
}

/** The built screens, on a server of their own. */
export async function serveScreens(): Promise<Screens> {
  const folder = process.env[builtScreensVariable];
  if (folder === undefined) throw new Error("the screens are not built: run this by vitest's project `flow`");
  const csp = cspOf(JSON.parse(await readFile(join(folder, "security.json"), "utf8")) as SecurityFile);
  const server: Server = createServer((asked, answer) => {
    const path = new URL(asked.url ?? "/", "http://localhost").pathname;
    const file = extname(path) === "" ? "index.html" : path.slice(1);
    void readFile(join(folder, file)).then(
      (content) =>
        answer
          .writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": csp })
          .end(content),
      () => answer.writeHead(404).end(),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
}

export interface Shown extends AsyncDisposable {
  page: Page;
  context: BrowserContext;
  /** Names of the vault's verbs that were called. */
  calls(): Promise<Array<[string, ...unknown[]]>>;
  /** What the page itself reported: errors, and what its Content-Security-Policy refused. */
  faults: string[];
}

/** Opens a page over a prepared vault. */
export async function show(browser: Browser, { origin }: Screens, path: string, prepared: Prepared, look: Look = {}): Promise<Shown> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1280, height: look.height ?? 900 },
    colorScheme: look.dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
    serviceWorkers: "block",
  });
  context.setDefaultTimeout(8000);
  await context.addInitScript((state) => {
    globalThis.prepared = state;
  }, prepared);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  await page.goto(`${origin}${path}`);
  await page.locator("main h1, main [role=status], main .outline").first().waitFor({ state: "attached" });
  return {
    page,
    context,
    calls: () => page.evaluate(() => globalThis.calls),
    faults,
    [Symbol.asyncDispose]: () => context.close(),
  };
}
