import fc from "fast-check";
import { expect, test } from "vitest";
import { type Config, readConfig } from "../../server/configuration/config.ts";
import { type Fault, SettingsError } from "../../server/configuration/setting.ts";
import { CHAPTERS, SETTINGS } from "../../server/configuration/settings.ts";
import { callerOf, sessionCookie } from "../../server/guards/session.ts";

const faultsOf = (env: Record<string, string>, read?: (path: string) => string): readonly Fault[] => {
  try {
    readConfig(env, read);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
};

const messageOf = (env: Record<string, string>): string =>
  faultsOf(env)
    .map(({ name, found, expected }) => `${name}: found ${found}, expected ${expected}`)
    .join("\n");

test("an empty environment gives a server for this machine", () => {
  expect(readConfig({ PATH: "/bin", HOME: "/" })).toMatchObject({
    issuer: "http://localhost:4000",
    host: "127.0.0.1",
    port: 4000,
    storage: { kind: "embedded", folder: "./data" },
    standby: "asynchronous",
    clients: "open",
    web: "dist/web/customer",
    proxies: 0,
    rates: { pulls: 600, tokens: 6000, repeats: 60 },
    keyAge: 90 * 86_400_000,
    nonces: "start",
    running: { logLevel: "info", metrics: "off", drain: 0, shutdown: 20_000, connections: 10_000, keepAlive: 75_000 },
  });
});

test.each([
  ["http beyond this machine", { COUNTERFOIL_ISSUER: "http://counterfoil.example" }],
  ["an issuer with a path", { COUNTERFOIL_ISSUER: "https://counterfoil.example/app" }],
  ["an issuer that is none", { COUNTERFOIL_ISSUER: "counterfoil" }],
  ["a port that is none", { COUNTERFOIL_PORT: "70000" }],
  ["a port that is half a number", { COUNTERFOIL_PORT: "40.5" }],
  ["nothing", { COUNTERFOIL_HOST: "" }],
  ["a limit that is none", { COUNTERFOIL_PULLS_PER_MINUTE: "0" }],
  ["another limit that is none", { COUNTERFOIL_REPEATS_PER_READ: "many" }],
  ["an age that is none", { COUNTERFOIL_KEY_DAYS: "0" }],
  ["nonces now and then", { COUNTERFOIL_DPOP_NONCES: "sometimes" }],
  ["nobody as who may ask", { COUNTERFOIL_CLIENTS: "" }],
  ["clients that are no addresses", { COUNTERFOIL_CLIENTS: "shop" }],
  ["another database", { COUNTERFOIL_STORAGE: "mysql://db.example/counterfoil" }],
  ["a database without an address", { COUNTERFOIL_STORAGE: "postgres" }],
  ["metrics on no port", { COUNTERFOIL_METRICS: "127.0.0.1" }],
  ["a level that there is not", { COUNTERFOIL_LOG_LEVEL: "loud" }],
  ["no time to stop", { COUNTERFOIL_SHUTDOWN_SECONDS: "0" }],
])("%s is refused by its name, with what was expected", (_name, env) => {
  const faults = faultsOf(env);
  expect(faults).toEqual([{ name: Object.keys(env)[0], found: expect.any(String), expected: expect.stringMatching(/\w{2}/) }]);
});

test("every fault is told at once", () => {
  expect(messageOf({ COUNTERFOIL_PORT: "x", COUNTERFOIL_LOG_LEVEL: "loud", COUNTERFOIL_PROT: "1" })).toBe(
    [
      "COUNTERFOIL_PROT: found a setting that there is not, expected COUNTERFOIL_PORT",
      'COUNTERFOIL_PORT: found "x", expected a whole number from 0 to 65535',
      'COUNTERFOIL_LOG_LEVEL: found "loud", expected `debug`, `info`, `warn` or `error`',
    ].join("\n"),
  );
});

test("a setting that there is not is refused, also one that looks like no other", () => {
  expect(faultsOf({ COUNTERFOIL_COLOUR: "blue" })).toMatchObject([{ expected: expect.stringContaining("server/configuration/README.md") }]);
  expect(faultsOf({ COUNTERFOIL_TEST_BROWSER: "/usr/bin/chromium", SHOP_ORIGIN: "x" })).toEqual([]);
});

test("a database is taken with its limits, from the variable or from a file", () => {
  const url = "postgres://counterfoil:hush-hush@db.example:5432/counterfoil?sslmode=verify-full";
  const storage: Config["storage"] = { kind: "postgres", url, connections: 25, statementTimeout: 7_000 };
  const limits = { COUNTERFOIL_STORAGE_CONNECTIONS: "25", COUNTERFOIL_STORAGE_SECONDS: "7" };
  expect(readConfig({ COUNTERFOIL_STORAGE: url, ...limits }).storage).toEqual(storage);
  const read = (path: string): string => (path === "/run/credentials/storage" ? `${url}\n` : "");
  expect(readConfig({ COUNTERFOIL_STORAGE_FILE: "/run/credentials/storage", ...limits }, read).storage).toEqual(storage);
});

test("the folder's engine keeps as much open as it is told", () => {
  const storage = { kind: "embedded", folder: "/srv/counterfoil", memory: 256 * 1_048_576 };
  expect(readConfig({ COUNTERFOIL_DATA: "/srv/counterfoil", COUNTERFOIL_STORAGE_MEMORY: "256" }).storage).toEqual(storage);
});

test("a file that is not there is told by its name; both ways at once are refused", () => {
  expect(faultsOf({ COUNTERFOIL_STORAGE_FILE: "/nowhere/at/all" })).toEqual([
    { name: "COUNTERFOIL_STORAGE_FILE", found: '"/nowhere/at/all", which gives ENOENT', expected: "a file that can be read" },
  ]);
  expect(faultsOf({ COUNTERFOIL_STORAGE_FILE: "/x", COUNTERFOIL_STORAGE: "embedded" }, () => "embedded")).toHaveLength(1);
});

test("whatever is wrong, and wherever it was put, no password is told", () => {
  const names = Object.values(SETTINGS).map(({ name }) => name);
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.constantFrom("postgres", "postgresql", "mysql", "https"), (name, scheme) => {
      const url = `${scheme}://counterfoil:hush-hush@db.example/a/b`;
      expect(messageOf({ [name]: url })).not.toContain("hush");
    }),
  );
  expect(messageOf({ COUNTERFOIL_STORAGE: "hush-hush" })).toMatch(/^COUNTERFOIL_STORAGE: found something else \(not shown\)/);
  const inFile = (): string => "hush-hush";
  expect(JSON.stringify(faultsOf({ COUNTERFOIL_STORAGE_FILE: "/x" }, inFile))).not.toContain("hush");
});

test("each setting stands in one chapter of the reference, and its default is one that it takes", () => {
  const keys = CHAPTERS.flatMap(([, settings]) => settings);
  expect([...keys].sort()).toEqual(Object.keys(SETTINGS).sort());
  const defaults = Object.values(SETTINGS).flatMap((it) => (it.default === undefined ? [] : [[it.name, it.default]]));
  expect(readConfig(Object.fromEntries(defaults))).toEqual(readConfig({}));
});

test("a list of clients is a list", () => {
  expect(readConfig({ COUNTERFOIL_CLIENTS: "https://a.example/c, https://b.example/c" }).clients).toEqual(
    new Set(["https://a.example/c", "https://b.example/c"]),
  );
});

test("over https the cookie is bound to its host, and over http it has another name", () => {
  const [account, secret] = ["A".repeat(22), "B".repeat(43)];
  const secure = sessionCookie("https://counterfoil.example", account, secret);
  expect(secure).toMatch(/^__Host-counterfoil=.*; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
  const cookie = secure.split(";")[0];
  expect(callerOf(cookie, "https://counterfoil.example")?.account).toBe(account);
  expect(callerOf(cookie, "http://localhost:4000")).toBeUndefined();
  expect(callerOf(`a=b; ${cookie}`, "https://counterfoil.example")?.session).not.toContain(secret);
});
