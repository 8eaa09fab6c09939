import { execFile } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { decodeJwt, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../../vendor-sdk/ask.ts";
import type { ContactVerdict } from "../../vendor-sdk/contact.ts";
import { ERROR_CODES } from "../../vendor-sdk/error.ts";
import { fileState } from "../../vendor-sdk/file-state.ts";
import { createVendor } from "../../vendor-sdk/vendor.ts";
import { Clock } from "../support/clock.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { startSystem } from "../support/system.ts";
import { CLIENT, RETURN } from "./connected.ts";
import { installPacked } from "./packed.ts";
import { makeCustomer, standIn } from "./stand-in.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const readme = () => readFile(join(root, "vendor-sdk", "README.md"), "utf8");

/** Every command of the README, as a shell would split it, toward a server of this test's. */
async function commands(server = "http://127.0.0.1:1"): Promise<string[][]> {
  const blocks = [...(await readme()).matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, text = ""]) => text.trim().split("\n"));
  const names = { "https://counterfoil.example": server, "http://localhost:4000": server };
  return blocks
    .map((line) => line.trim())
    .filter((line) => line.startsWith("npx counterfoil-vendor "))
    .map((line) =>
      [...line.matchAll(/"([^"]*)"|(\S+)/g)]
        .slice(2)
        .map(([, quoted, bare]) => quoted ?? bare ?? "")
        .map((each) => names[each as keyof typeof names] ?? each.replace("https://shop.example", "http://127.0.0.1:4999")),
    );
}

async function command(name: string, server?: string): Promise<string[]> {
  const found = (await commands(server)).find(([first]) => first === name);
  if (found === undefined) throw new Error(`the README shows no ${name}`);
  return found;
}

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
    await cli(...(await command("init")));
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
    const text = await readme();
    const lines = /<!-- runs: tests\/sdk\/readme\.test\.ts -->\n```js\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
    expect(lines.trim().split("\n")).toHaveLength(5);
    const imports = [...text.matchAll(/`(import \{[^`]*)`/g)].map(([, line]) => line).slice(0, 2);
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

    // The loop over what has changed, in a process of its own, over the state that the five lines left.
    const [, , changesLines = ""] = text
      .split("<!-- runs: tests/sdk/readme.test.ts -->")
      .map((part) => /```js\n([\s\S]*?)```/.exec(part)?.[1] ?? "");
    expect(changesLines).toContain("vendor.changes()");
    server.offerBulk();
    await writeFile(
      join(shop, "loop.js"),
      [...imports.map((text) => `${text};`), ...surroundings.slice(0, 1), lines.split("\n")[0], changesLines].join("\n"),
    );
    const looped = await run(process.execPath, ["loop.js"], { cwd: shop });
    expect(looped.stdout).toMatch(/^c\S{21} put profile\/emails\/e1\n$/);

    const pulled = await cli("pull", "--server", server.url, "--client-id", CLIENT, "--to", "people.csv");
    expect(pulled.stdout).toContain("1 created");
    expect(pulled.stdout).not.toContain(ANNA);
    expect(await readFile(join(shop, "people.csv"), "utf8")).toContain(ANNA);
    server.next.state = "revoked";
    expect((await cli("pull", "--server", server.url, "--client-id", CLIENT, "--to", "people.csv")).stdout).toContain("1 erased");
    expect(await readFile(join(shop, "people.csv"), "utf8")).not.toContain(ANNA);
    browser.close();
  });

  it("runs every other command of the README: pulls, lists, listens, gives up", async () => {
    const keys = JSON.parse(await readFile(join(shop, "keys.json"), "utf8")) as JWK[];
    await using server = await standIn({ clientId: CLIENT, keys });
    const vendor = createVendor({ clientId: CLIENT, server: server.url, keys, state: fileState(join(shop, "state-of-commands")) });
    const state = ["--state", "state-of-commands"];
    const details = [ask({ purpose: "customer-management", paths: ["profile/name", "profile/emails"], days: 90 })];
    const connect = async () => {
      const customer = await makeCustomer({ clientId: CLIENT, keys }, details);
      await customer.put("profile/emails/e1", { value: { address: ANNA } });
      server.next = customer;
      const { url, id } = await vendor.requests.create({ authorization_details: details, redirect_uri: RETURN });
      return { customer, grant: await vendor.requests.exchange(server.cameBack(url), { id }) };
    };
    const one = await connect();
    const two = await connect();
    const people = () => readFile(join(shop, "customers.csv"), "utf8");

    expect((await cli(...(await command("pull", server.url)), ...state)).stdout).toContain("2 created");
    expect(await people()).toContain(ANNA);
    const listed = await cli(...(await command("grants", server.url)), ...state);
    for (const text of [one.grant.id, one.grant.key, "active"]) expect(listed.stdout).toContain(text);

    const release = (await command("release", server.url)).map((each) => (each === "GRANT" ? one.grant.key : each));
    const released = await cli(...release, ...state);
    for (const text of [`${one.grant.id} is given up`, "1 erased", "1 erasures attested"]) expect(released.stdout).toContain(text);
    expect(await people()).not.toContain(one.grant.key);
    await expect(cli(...release, ...state, "--to", "people.txt")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--to:") as string,
    });
    await expect(cli(...(await command("grants", server.url)), ...state, "--keys", "lost.json")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--keys: there is no lost.json; init makes one") as string,
    });

    expect((await cli(...(await command("stream", server.url)), ...state)).stdout).toContain("no stream");
    const at = join(shop, "node_modules", "@counterfoil", "vendor-sdk", "dist", "vendor-sdk", "cli.js");
    {
      await using listening = await startProcess(process.execPath, [at, ...(await command("listen", server.url)), ...state], {
        cwd: shop,
        env: {},
        ready: /Listening/,
      });
      two.customer.state = "revoked";
      await expect.poll(() => server.stream, { timeout: 10_000 }).toBeDefined();
      const token = await server.events.event("grant-revoked", two.grant.id);
      server.waiting.set(String(decodeJwt(token).jti), token);
      await expect.poll(people, { timeout: 10_000 }).not.toContain(two.grant.key);
      await expect.poll(() => listening.output()).toContain(`grant-revoked ${two.grant.id}`);
      for (const secret of [ANNA, token]) expect(listening.output()).not.toContain(secret);
    }
    expect((await cli(...(await command("stream", server.url)), ...state)).stdout).toContain("stream-1 is enabled");
    expect((await commands()).map(([name]) => name)).toEqual(["try", "init", "pull", "grants", "listen", "stream", "release"]);
  });

  it("brings a stranger from an empty folder to the first pull, and follows what they do, by the README's first command", async () => {
    const clock = new Clock(Date.now());
    await using system = await startSystem({ clock });
    const ticking = setInterval(() => clock.pass(Date.now() - clock.now()), 100);
    const port = await freePort();
    const at = join(shop, "node_modules", "@counterfoil", "vendor-sdk", "dist", "vendor-sdk", "cli.js");
    const args = [at, ...(await command("try", system.issuer)), "--port", String(port)];
    const started = performance.now();
    await using trying = await startProcess(process.execPath, args, { cwd: shop, env: {}, ready: /Ctrl\+C/ });
    const [url = ""] = /http\S+request_uri\S+/.exec(trying.output()) ?? [];
    const customer = await Customer.register(system.issuer, clock.now);
    const arrival = await fetch(url, { redirect: "manual" });
    const request = (arrival.headers.get("location") ?? "").replace(/^.*\/ask\//, "").split("#")[0] ?? "";
    const given = await customer.approve(request, { contents: { "profile/emails/e1": { value: { address: ANNA } } } });
    const thanks = await fetch(given.redirect);
    expect([thanks.status, await thanks.text()]).toEqual([200, expect.stringContaining("Thank you") as string]);
    const people = () => readFile(join(shop, "people.csv"), "utf8");
    expect(await people()).toContain(ANNA);
    // A person reads and chooses; the rest is to be nothing.
    expect(performance.now() - started).toBeLessThan(30_000);
    expect((await fetch(given.redirect)).status).toBe(400);
    await customer.revoke(given.grant, true);
    await expect.poll(people, { timeout: 10_000 }).not.toContain(ANNA);
    await expect.poll(async () => (await customer.view(given.grant)).deletion?.attestations.length, { timeout: 10_000 }).toBe(1);
    expect(trying.output()).not.toContain(ANNA);
    clearInterval(ticking);
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
  const text = await readme();
  const table = text.slice(text.indexOf("| `reason` |"), text.indexOf("## Errors"));
  const named = table.split("\n").flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([a-z-]+)`/g)].map(([, reason]) => reason));
  const reasons = ["ended", "paused", "purpose", "not-granted", "no-rule", "never", "hours", "frequency", "unreadable"] as const;
  // A reason that is added without a word about it doesn't compile.
  const complete: Exclude<ContactVerdict["reason"], (typeof reasons)[number] | "allowed"> extends never ? true : false = true;
  expect(complete).toBe(true);
  expect(named.filter((each) => each !== "reason").sort()).toEqual([...reasons].sort());
});

it("the README's table names every error code", async () => {
  const text = await readme();
  const table = text.slice(text.indexOf("| code |"), text.indexOf("## What is checked"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([a-z_]+)`/g)].map(([, code]) => code));
  expect(named.sort()).toEqual([...ERROR_CODES].sort());
});
