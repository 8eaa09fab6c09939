import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { webApp } from "../../web/build/app.ts";
import type { SecurityFile } from "../../web/build/integrity.ts";
import { launchBrowser } from "./browser.ts";
import { scratchFolder } from "./scratch-folder.ts";

const sources: Record<string, string> = {
  "index.html": `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Fixture</title>
    <link rel="icon" href="data:,">
    <script type="module" src="./main.ts"></script>
  </head>
  <body><main id="app"></main></body>
</html>
`,
  "style.css": "main { color: rgb(1, 92, 78) }",
  "lazy.css": "main { background: rgb(218, 243, 237) }",
  "shared.ts": 'export const greet = (who: string): string => "hello " + who;',
  "common.ts": 'export const common = (who: string): string => "hello " + who;',
  "lazy.ts": 'import "./lazy.css"; import { common } from "./common.ts"; export const text = common("lazy");',
  "later.ts": 'import { common } from "./common.ts"; export const text = common("later");',
  "worker.ts": 'import { greet } from "./shared.ts"; self.onmessage = ({ data }) => self.postMessage(greet(String(data)));',
  "second.ts": "self.onmessage = () => self.postMessage('hello second');",
  "main.ts": `
    import "./style.css";
    import { integrity, url } from "virtual:worker/first";
    import * as second from "virtual:worker/second";
    import { greet } from "./shared.ts";

    const told: Record<string, string> = { entry: greet("entry") };
    const attempt = async (name: string, act: () => unknown) => {
      try { told[name] = String(await act()); } catch (error) { told[name] = (error as Error).name; }
    };
    const started = new Set<string>();
    const run = async () => {
    const policy = trustedTypes.createPolicy("counterfoil", {
      createScriptURL: (address) => {
        if (!started.has(address)) throw new TypeError("not the worker");
        return address;
      },
    });
    const ask = async ({ integrity, url }: { integrity: string; url: string }) => {
      const response = await fetch(url, { integrity });
      const address = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "text/javascript" }));
      started.add(address);
      const worker = new Worker(policy.createScriptURL(address), { type: "module" });
      const answer = new Promise((resolve, reject) => { worker.onmessage = ({ data }) => resolve(data); worker.onerror = reject; });
      worker.postMessage("worker");
      return await answer;
    };
    await attempt("worker", () => ask({ integrity, url }));
    await attempt("second", () => ask(second));
    await attempt("lazy", async () => (await import("./lazy.ts")).text);
    await attempt("later", async () => (await import("./later.ts")).text);
    await attempt("plainWorker", () => new Worker(url));
    await attempt("otherAddress", () => policy.createScriptURL(url));
    await attempt("otherPolicy", () => trustedTypes.createPolicy("other", {}));
    await attempt("samePolicyAgain", () => trustedTypes.createPolicy("counterfoil", {}));
    await attempt("html", () => { document.querySelector("main").innerHTML = "<b>x</b>"; });
    await attempt("eval", () => (0, eval)("1"));
    const style = getComputedStyle(document.querySelector("main"));
    told.style = style.color + " " + style.backgroundColor;
    globalThis.told = told;
    document.title = "done";
    };
    run();
  `,
};

const types: Record<string, string> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let browser: Browser;
let security: SecurityFile;
let origin: string;
const tampered = new Map<string, (content: string) => string>();

const server = createServer(async (request, response) => {
  const path = request.url === "/" ? "/index.html" : String(request.url);
  try {
    const content = await readFile(join(folder.path, "out", path), "utf8");
    response.setHeader(
      "Content-Security-Policy",
      `default-src 'none'; script-src 'self' '${security.importMap}'; style-src 'self'; connect-src 'self'; worker-src 'self' blob:; ` +
        "img-src data:; base-uri 'none'; require-trusted-types-for 'script'; trusted-types counterfoil",
    );
    response.setHeader("Integrity-Policy", "blocked-destinations=(script)");
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    response.setHeader("Content-Type", types[extname(path)] ?? "application/octet-stream");
    response.end(tampered.get(path)?.(content) ?? content);
  } catch {
    response.writeHead(404).end();
  }
});

beforeAll(async () => {
  folder = await scratchFolder();
  const source = join(folder.path, "in");
  await mkdir(source);
  for (const [name, content] of Object.entries(sources)) await writeFile(join(source, name), content);
  const app = webApp({
    root: source,
    outDir: join(folder.path, "out"),
    workers: { first: join(source, "worker.ts"), second: join(source, "second.ts") },
  });
  await build({ ...app, configFile: false, logLevel: "error" });
  security = JSON.parse(await readFile(join(folder.path, "out", "security.json"), "utf8")) as SecurityFile;
  await once(server.listen(0, "127.0.0.1"), "listening");
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  server.close();
  await folder?.[Symbol.asyncDispose]();
});

beforeEach(() => tampered.clear());

const open = async (page: Page): Promise<{ told: Record<string, string> | undefined; errors: string }> => {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(origin);
  // Not waitForFunction, which needs eval.
  const end = performance.now() + 3_000;
  while ((await page.title()) !== "done" && performance.now() < end) await sleep(20);
  const told = await page.evaluate(() => (globalThis as unknown as { told?: Record<string, string> }).told);
  return { told, errors: errors.join("\n") };
};

const addressLike = (pattern: RegExp): string => {
  const [address, ...others] = Object.keys(security.files).filter((it) => pattern.test(it));
  if (!address || others.length > 0) throw new Error(`not one file like ${pattern}: ${Object.keys(security.files).join(" ")}`);
  return address;
};

describe("the built app under its policies", () => {
  test("everything runs, and nothing that the policy forbids", async () => {
    await using context = await browser.newContext();
    const { told } = await open(await context.newPage());
    expect(told).toEqual({
      entry: "hello entry",
      worker: "hello worker",
      second: "hello second",
      lazy: "hello lazy",
      later: "hello later",
      plainWorker: "TypeError",
      otherAddress: "TypeError",
      otherPolicy: "TypeError",
      samePolicyAgain: "TypeError",
      html: "TypeError",
      eval: "EvalError",
      style: "rgb(1, 92, 78) rgb(218, 243, 237)",
    });
  });

  test("the page fixes every script, style sheet and worker", async () => {
    const html = await readFile(join(folder.path, "out", "index.html"), "utf8");
    const workers = Object.values(security.workers).map(({ url }) => url);
    const scripts = Object.keys(security.files).filter((it) => it.endsWith(".js") && !workers.includes(it));
    expect(scripts.length).toBeGreaterThan(1);
    for (const address of scripts) expect(html).toContain(`"${address}":"${security.files[address]}"`);
    expect(html.match(/<script type="module"[^>]* integrity="sha384-/g)).toHaveLength(1);
    expect(html.match(/<link rel="stylesheet"[^>]* integrity="sha384-/g)).toHaveLength(1);
    expect(html.indexOf("importmap")).toBeLessThan(html.indexOf('type="module"'));
    const fixed = (pattern: RegExp) => ({ url: addressLike(pattern), integrity: security.files[addressLike(pattern)] });
    expect(security.workers).toEqual({ first: fixed(/first-worker/), second: fixed(/second-worker/) });
  });

  test("a lazy chunk with one more byte does not run", async () => {
    tampered.set(addressLike(/lazy-.*\.js$/), (content) => `${content} `);
    await using context = await browser.newContext();
    const { told, errors } = await open(await context.newPage());
    expect(told).toMatchObject({ entry: "hello entry", worker: "hello worker", lazy: "TypeError" });
    expect(errors).toContain("integrity");
  });

  test("a worker with one more byte does not run", async () => {
    tampered.set(addressLike(/first-worker/), (content) => `${content} `);
    await using context = await browser.newContext();
    const { told } = await open(await context.newPage());
    expect(told).toMatchObject({ entry: "hello entry", worker: "TypeError", second: "hello second", lazy: "hello lazy" });
  });

  test("the entry with one more byte stops the app", async () => {
    tampered.set(addressLike(/(app|index)-.*\.js$/), (content) => `${content} `);
    await using context = await browser.newContext();
    const { told, errors } = await open(await context.newPage());
    expect(told).toBeUndefined();
    expect(errors).toContain("integrity");
  });

  test("a part that lazy chunks share with one more byte stops each of them", async () => {
    tampered.set(addressLike(/common-.*\.js$/), (content) => `${content} `);
    await using context = await browser.newContext();
    const { told, errors } = await open(await context.newPage());
    expect(told).toMatchObject({ entry: "hello entry", worker: "hello worker", lazy: "TypeError", later: "TypeError" });
    expect(errors).toContain("integrity");
  });

  test("a page whose map or script was changed runs nothing of it", async () => {
    tampered.set("/index.html", (content) => content.replace("</head>", "<script>document.title = 'inline'</script></head>"));
    await using first = await browser.newContext();
    const page = await first.newPage();
    await open(page);
    expect(await page.title()).toBe("done");
    tampered.set("/index.html", (content) =>
      content.replace('{"integrity"', '{"imports":{},"integrity"').replace(/ integrity="[^"]*"/g, ""),
    );
    await using second = await browser.newContext();
    expect((await open(await second.newPage())).told).toBeUndefined();
  });
});
