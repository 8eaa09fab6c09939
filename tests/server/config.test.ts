import { expect, test } from "vitest";
import { readConfig } from "../../server/config.ts";
import { callerOf, sessionCookie } from "../../server/guards/session.ts";

test("an empty environment gives a server for this machine", () => {
  expect(readConfig({})).toMatchObject({
    issuer: "http://localhost:4000",
    host: "127.0.0.1",
    port: 4000,
    data: "./data",
    clients: "open",
    web: "dist/web/customer",
    keyAge: 90 * 86_400_000,
    nonces: "start",
  });
});

test.each([
  ["http beyond this machine", { COUNTERFOIL_ISSUER: "http://counterfoil.example" }],
  ["an issuer with a path", { COUNTERFOIL_ISSUER: "https://counterfoil.example/app" }],
  ["an issuer that is none", { COUNTERFOIL_ISSUER: "counterfoil" }],
  ["a port that is none", { COUNTERFOIL_PORT: "70000" }],
  ["a limit that is none", { COUNTERFOIL_PULLS_PER_MINUTE: "0" }],
  ["another limit that is none", { COUNTERFOIL_REPEATS_PER_READ: "many" }],
  ["an age that is none", { COUNTERFOIL_KEY_DAYS: "0" }],
  ["nonces now and then", { COUNTERFOIL_DPOP_NONCES: "sometimes" }],
])("%s is refused by its name", (_name, env) => {
  expect(() => readConfig(env)).toThrow(Object.keys(env)[0]);
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
