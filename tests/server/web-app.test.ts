import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documentHeaders } from "../../server/pages/headers.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { startSystem } from "../support/system.ts";

const IMPORT_MAP = `sha256-${"A".repeat(43)}=`;

async function built(folder: string): Promise<void> {
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>Counterfoil</title>");
  await writeFile(join(folder, "assets", "main-1234.js"), "export {};");
  await writeFile(join(folder, "mark.svg"), "<svg/>");
  await writeFile(join(folder, "notes.md"), "not for anyone");
  await writeFile(join(folder, "security.json"), JSON.stringify({ importMap: IMPORT_MAP, files: {} }));
}

describe("the app", () => {
  test("is one page for each of its screens, under headers that let nothing else in", async () => {
    await using folder = await scratchFolder();
    await built(folder.path);
    await using system = await startSystem({ config: { web: folder.path } });
    for (const path of [
      "/",
      "/start",
      "/c/abc",
      "/ask/abc",
      "/data",
      "/data/profile/emails",
      "/safety",
      "/safety/recover",
      "/you",
      "/pause",
      "/record",
    ]) {
      const response = await fetch(system.issuer + path);
      expect(response.status, path).toBe(200);
      expect(await response.text()).toContain("Counterfoil");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain(`script-src 'self' '${IMPORT_MAP}'`);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|http:|\*/);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "integrity-policy": "blocked-destinations=(script)",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      });
      expect(response.headers.get("strict-transport-security"), "not over http").toBeNull();
    }
  });

  test("has an address for each of its screens, as a bookmark or a link of another server opens it", async () => {
    await using folder = await scratchFolder();
    await built(folder.path);
    await using system = await startSystem({ config: { web: folder.path } });
    const app = await readFile(join(import.meta.dirname, "..", "..", "web", "customer", "app.tsx"), "utf8");
    const paths = [...app.matchAll(/<Route path="([^"]+)"/g)].map(([, path = ""]) => path.replace(/:\w+/, "some"));
    expect(paths.length).toBeGreaterThan(20);
    const headers = { "sec-fetch-dest": "document" };
    for (const path of paths) expect((await fetch(system.issuer + path, { headers })).status, path).toBe(200);
  });

  test("answers a strange address with its page for a navigation, and with a problem for everything else", async () => {
    await using folder = await scratchFolder();
    await built(folder.path);
    await using system = await startSystem({ config: { web: folder.path } });
    const asked = async (path: string, headers: Record<string, string>, method = "GET") => {
      const response = await fetch(system.issuer + path, { headers, method });
      return [
        response.status,
        response.headers.get("content-type")?.split(";")[0],
        response.headers.get("content-security-policy") !== null,
      ];
    };
    const [page, problem] = [
      [404, "text/html", true],
      [404, "application/problem+json", false],
    ];
    const html = { accept: "text/html,application/xhtml+xml" };
    for (const path of ["/nonsense", "/a/b/c", "/apidocs", "/assets/gone.js"]) {
      expect(await asked(path, html), path).toEqual(page);
      expect(await asked(path, { "sec-fetch-dest": "document" }), path).toEqual(page);
      expect(await asked(path, {}), path).toEqual(problem);
      expect(await asked(path, { ...html, "sec-fetch-dest": "script" }), path).toEqual(problem);
      expect(await asked(path, html, "POST"), path).toEqual(problem);
    }
    for (const path of ["/api", "/api/nonsense", "/oauth/nonsense", "/.well-known/nonsense"])
      expect(await asked(path, html), path).toEqual(problem);
  });

  test("serves its files as they are named, and no others", async () => {
    await using folder = await scratchFolder();
    await built(folder.path);
    await using system = await startSystem({ config: { web: folder.path } });
    const script = await fetch(`${system.issuer}/assets/main-1234.js`);
    expect(script.headers.get("content-type")).toContain("text/javascript");
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect((await fetch(`${system.issuer}/mark.svg`)).headers.get("cache-control")).toBe("no-cache");
    for (const path of [
      "/security.json",
      "/notes.md",
      "/index.html",
      "/assets/other.js",
      "/../package.json",
      "/assets/..%2fsecurity.json",
      "/unknown",
    ])
      expect((await fetch(system.issuer + path)).status, path).toBe(404);
  });

  test("answers a request only as a page of its own", async () => {
    await using folder = await scratchFolder();
    await built(folder.path);
    await using system = await startSystem({ config: { web: folder.path } });
    for (const destination of ["iframe", "object", "empty"])
      expect((await fetch(`${system.issuer}/ask/abc`, { headers: { "sec-fetch-dest": destination } })).status).toBe(403);
    expect((await fetch(`${system.issuer}/ask/abc`, { headers: { "sec-fetch-dest": "document" } })).status).toBe(200);
  });

  test("over https stays there", () => {
    const headers = documentHeaders(IMPORT_MAP, true);
    expect(headers["Strict-Transport-Security"]).toContain("max-age=63072000");
    expect(headers["Content-Security-Policy"]).toContain("upgrade-insecure-requests");
  });
});
