import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { documentHeaders, fileHeaders } from "./headers.ts";

export interface WebFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The built app in memory: the page for each of its screens, and its files by address. */
export interface WebApp {
  readonly page: WebFile;
  readonly files: ReadonlyMap<string, WebFile>;
}

/** The app's own addresses, each answered by its one page. */
export const SCREENS = [
  "/",
  "/start",
  "/restore",
  "/move",
  "/put-back",
  "/c/:id",
  "/ask/:id",
  "/data",
  "/data/*",
  "/wanted",
  "/wanted/*",
  "/safety",
  "/safety/*",
  "/you",
  "/you/*",
  "/pause",
  "/record",
];

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/** Reads the folder that the build wrote; undefined if it is not there. */
export async function openWebApp(folder: string, issuer: string): Promise<WebApp | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  if (!names.includes("index.html") || !names.includes("security.json")) return undefined;
  const { importMap } = JSON.parse(await readFile(join(folder, "security.json"), "utf8")) as { importMap: string };
  if (!/^sha256-[A-Za-z0-9+/]{43}=$/.test(importMap)) throw new TypeError("security.json names no import map");
  const secure = issuer.startsWith("https:");
  const files = new Map<string, WebFile>();
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined || name === "security.json" || name.endsWith(".html")) continue;
    const address = `/${name.split(sep).join("/")}`;
    files.set(address, { body: await bytes(join(folder, name)), headers: fileHeaders(type, address.startsWith("/assets/"), secure) });
  }
  return { page: { body: await bytes(join(folder, "index.html")), headers: documentHeaders(importMap, secure) }, files };
}

const bytes = async (path: string): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await readFile(path));
