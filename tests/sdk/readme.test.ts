import { execFile } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../../vendor-sdk/ask.ts";
import type { ContactVerdict } from "../../vendor-sdk/contact.ts";
import { ERROR_CODES } from "../../vendor-sdk/error.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { CLIENT, RETURN } from "./connected.ts";
import { installPacked } from "./packed.ts";
import { makeCustomer, standIn } from "./stand-in.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const ANNA = "anna.unmistakable@mail.example";

describe("the packed SDK, in a stranger's empty folder,", () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  let shop: string;
  const cli = (...args: string[]) =>
    run(process.execPath, [join(shop, "node_modules", "@counterfoil", "vendor-sdk", "dist", "vendor-sdk", "cli.js"), ...args], {
      cwd: shop,
    });

  beforeAll(async () => {
    folder = await scratchFolder();
    shop = await installPacked(folder.path);
    await writeFile(join(shop, "package.json"), '{"type":"module"}');
    await cli(
      "init",
      "--client-id",
      CLIENT,
      "--name",
      "Shop",
      "--legal-name",
      "Shop S.r.l.",
      "--country",
      "IT",
      "--dpo",
      "mailto:privacy@shop.example",
      "--redirect",
      RETURN,
    );
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  it("makes keys that only their owner reads, and public documents without a private part", async () => {
    expect((await stat(join(shop, "keys.json"))).mode & 0o777).toBe(0o600);
    const jwks = JSON.parse(await readFile(join(shop, "jwks.json"), "utf8")) as { keys: JWK[] };
    expect(jwks.keys.map(({ use }) => use)).toEqual(["sig", "enc"]);
    expect(jwks.keys.every((key) => !("d" in key))).toBe(true);
    expect(JSON.parse(await readFile(join(shop, "client.json"), "utf8"))).toMatchObject({
      client_id: CLIENT,
      redirect_uris: [RETURN],
      jwks_uri: "http://127.0.0.1:4999/jwks.json",
    });
  });

  it("never writes over keys", async () => {
    const before = await readFile(join(shop, "keys.json"), "utf8");
    const again = cli(
      "init",
      "--client-id",
      CLIENT,
      "--name",
      "S",
      "--legal-name",
      "S",
      "--country",
      "IT",
      "--dpo",
      "mailto:a@b.example",
      "--redirect",
      RETURN,
    );
    await expect(again).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("never overwritten") as string });
    expect(await readFile(join(shop, "keys.json"), "utf8")).toBe(before);
  });

  it("runs the README's five lines, and its pull into a file", async () => {
    const readme = await readFile(join(root, "vendor-sdk", "README.md"), "utf8");
    const lines = /<!-- runs: tests\/sdk\/readme\.test\.ts -->\n```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    expect(lines.trim().split("\n")).toHaveLength(5);
    const imports = [...readme.matchAll(/`(import \{[^`]*)`/g)].map(([, text]) => text);
    expect(imports).toHaveLength(2);

    const keys = JSON.parse(await readFile(join(shop, "keys.json"), "utf8")) as JWK[];
    await using server = await standIn({ clientId: CLIENT, keys });
    // The customer: another process can only be told by HTTP that they came back.
    const browser = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
      response.end(server.cameBack(searchParams.get("url") ?? ""));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => browser.once("listening", resolve));
    const address = browser.address();
    const port = typeof address === "object" ? address?.port : undefined;

    // Asked a little later than granted, so that the asked expiry is not before the granted one.
    server.next = await makeCustomer({ clientId: CLIENT, keys }, [
      ask({ purpose: "customer-management", paths: ["profile/name", "profile/emails"], days: 90 }),
    ]);
    await server.next.put("profile/emails/e1", { value: { address: ANNA } });
    const surroundings = [
      `const [clientId, server, redirect_uri] = ${JSON.stringify([CLIENT, server.url, RETURN])};`,
      `const cameBack = async (url) => (await fetch("http://127.0.0.1:${port}/?url=" + encodeURIComponent(url))).text();`,
    ];
    await writeFile(join(shop, "first.js"), [...imports.map((text) => `${text};`), ...surroundings, lines].join("\n"));
    const { stdout } = await run(process.execPath, ["first.js"], { cwd: shop });
    expect(stdout).toContain(ANNA);

    const pulled = await cli("pull", "--server", server.url, "--client-id", CLIENT, "--to", "people.csv");
    expect(pulled.stdout).toContain("1 created");
    expect(pulled.stdout).not.toContain(ANNA);
    expect(await readFile(join(shop, "people.csv"), "utf8")).toContain(ANNA);
    server.next.state = "revoked";
    expect((await cli("pull", "--server", server.url, "--client-id", CLIENT, "--to", "people.csv")).stdout).toContain("1 erased");
    expect(await readFile(join(shop, "people.csv"), "utf8")).not.toContain(ANNA);
    browser.close();
  });

  it("has types that a strict project takes", async () => {
    await writeFile(
      join(shop, "typed.ts"),
      [
        'import { type CounterfoilError, createVendor, type ErrorCode, mayContact, type Snapshot, type SubjectRecord } from "@counterfoil/vendor-sdk";',
        "export const pull = (id: string): Promise<Snapshot> => createVendor({ clientId: '', server: '', keys: [] }).pull(id);",
        "export const code = (error: CounterfoilError): ErrorCode => error.code;",
        "export const may = (of: SubjectRecord): boolean => mayContact(of, 'email', 'delivery', new Date()).allowed;",
        "// @ts-expect-error no such channel",
        "export const fax = (of: SubjectRecord): boolean => mayContact(of, 'fax', 'delivery', new Date()).allowed;",
        "// @ts-expect-error no such code",
        "export const wrong: ErrorCode = 'no_such_code';",
      ].join("\n"),
    );
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--lib",
      "es2023,dom,dom.iterable",
      "--types",
      "",
      "typed.ts",
    ];
    await run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), ...options], { cwd: shop }).catch(
      (error: { stdout: string }) => {
        throw new Error(error.stdout);
      },
    );
  });

  it("carries the protocol that it needs and no source, no server, no example", async () => {
    const inside = await readdir(join(shop, "node_modules", "@counterfoil", "vendor-sdk"), { recursive: true });
    expect(inside).toContain(join("dist", "protocol", "consent-token.js"));
    expect(inside.filter((name) => /server|examples|tests/.test(name) || (name.endsWith(".ts") && !name.endsWith(".d.ts")))).toEqual([]);
  });
});

it("the README's table names every reason for which one may not be reached", async () => {
  const readme = await readFile(join(root, "vendor-sdk", "README.md"), "utf8");
  const table = readme.slice(readme.indexOf("| `reason` |"), readme.indexOf("## Errors"));
  const named = table.split("\n").flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([a-z-]+)`/g)].map(([, reason]) => reason));
  const reasons = ["ended", "paused", "purpose", "not-granted", "no-rule", "never", "hours", "frequency", "unreadable"] as const;
  // A reason that is added without a word about it doesn't compile.
  const complete: Exclude<ContactVerdict["reason"], (typeof reasons)[number] | "allowed"> extends never ? true : false = true;
  expect(complete).toBe(true);
  expect(named.filter((each) => each !== "reason").sort()).toEqual([...reasons].sort());
});

it("the README's table names every error code", async () => {
  const readme = await readFile(join(root, "vendor-sdk", "README.md"), "utf8");
  const table = readme.slice(readme.indexOf("| code |"), readme.indexOf("`on: (event)"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([a-z_]+)`/g)].map(([, code]) => code));
  expect(named.sort()).toEqual([...ERROR_CODES].sort());
});
