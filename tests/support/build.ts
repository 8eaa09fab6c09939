import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..", "..");
const stamp = join(root, "dist", "built");

/** What the built files depend on. */
const sources = ["protocol", "server", "web", "vendor-sdk", "vite.config.ts", "tsconfig.json", "package-lock.json"];

const newest = (path: string): number => {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inside = readdirSync(path).filter((name) => name !== "node_modules" && name !== "dist");
  // The folder's own time tells of a file that was removed.
  return Math.max(stats.mtimeMs, ...inside.map((name) => newest(join(path, name))));
};

/** Whether everything built is newer than everything that it was built from. */
const isFresh = (): boolean => existsSync(stamp) && Math.max(...sources.map((it) => newest(join(root, it)))) < statSync(stamp).mtimeMs;

/** The SDK as a stranger gets it: compiled, packed, in dist/sdk. */
function buildSdk(): void {
  const folder = join(root, "vendor-sdk");
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, "-p", join(folder, "tsconfig.json")], { cwd: folder, stdio: "inherit" });
  const packed = join(root, "dist", "sdk");
  rmSync(packed, { recursive: true, force: true });
  mkdirSync(packed, { recursive: true });
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", packed], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

// A caller's own setting, such as Vitest's "test", would build a development version.
process.env.NODE_ENV = "production";

// The web app, the server and the SDK into dist/; with --if-stale only when something is newer than what is there.
if (!process.argv.includes("--if-stale") || !isFresh()) {
  rmSync(stamp, { force: true });
  for (const mode of ["customer", "server"]) await build({ configFile: join(root, "vite.config.ts"), mode, logLevel: "warn" });
  buildSdk();
  writeFileSync(stamp, "");
}
