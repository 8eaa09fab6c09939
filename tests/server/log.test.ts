import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LIMITS } from "#protocol/api.ts";
import { type LogLine, makeLog } from "../../server/log.ts";
import { StorageError } from "../../server/storage/storage.ts";
import { filesUnder, root } from "../architecture/source-tree.ts";
import { connect, scene } from "./scene.ts";

test("a log line names the route, never a value of its path, address, headers or body", async () => {
  let written = "";
  const log = makeLog(
    {
      write(text) {
        written += text;
      },
    },
    () => 0,
  );
  await using at = await scene({ log });
  const { grant, tokens } = await connect(at);
  await at.vendor.pull(tokens.access_token, grant.grant);
  await at.customer.api.raw("GET", "/api/a-secret-path?a-secret-query=1");
  at.system.failWith("failed");
  await at.customer.api.raw("POST", `/api/grants/${grant.grant}/pause`, { body: "{}" });
  at.system.failWith(undefined);
  await at.customer.erase("later");
  at.system.clock.pass(LIMITS.grace);
  at.system.failWith("failed", "erase");
  await at.system.sweep();
  at.system.failWith(undefined);
  await at.system.sweep();
  log.flush();
  expect(written).toContain('"fault":"StorageError","code":"failed","request":"sweep"');
  expect(written).toContain('"erased":1');
  expect(written).toContain('"route":"/api/grants/{id}/records","status":200');
  expect(written).toContain('"fault":"StorageError","code":"failed"');
  for (const value of [
    grant.grant,
    tokens.access_token,
    tokens.refresh_token,
    at.customer.account,
    at.vendor.clientId,
    "a-secret",
    (at.customer.api.cookie ?? "").slice(-20),
  ])
    expect(written).not.toContain(value);
  for (const line of written.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
});

const LINE: LogLine = { method: "GET", route: "/api/store", status: 200, ms: 1.5, request: "abc-1" };

function written(level?: Parameters<typeof makeLog>[2]) {
  const lines: Array<Record<string, unknown>> = [];
  const log = makeLog({ write: (text) => lines.push(JSON.parse(text)) }, () => 1_000, level);
  return { log, lines };
}

test("a line has what it is to have, and nothing else that the object holds", () => {
  const { log, lines } = written();
  const more = { ...LINE, records: 2, cookie: "a-secret", nested: { value: "a-secret" } };
  log.request(more);
  expect(lines).toEqual([{ level: "info", at: "1970-01-01T00:00:01.000Z", ...LINE, records: 2 }]);
});

test("of an error its class, its code and its place are told, and those of what it came from: never a message, whatever it looks like", () => {
  const { log, lines } = written();
  const message = "a-secret\n    at a-secret (a-secret:1:1)";
  const cause = Object.assign(new TypeError(message), { code: "ENOSPC" });
  log.fault("abc-1", new StorageError("failed", message, { cause }));
  log.fault("abc-1", Object.assign(new Error(message), { name: "a secret", code: "a secret" }));
  log.fault("abc-1", message);
  expect(lines).toMatchObject([
    { level: "error", fault: "StorageError", code: "failed", cause: { fault: "TypeError", code: "ENOSPC" }, request: "abc-1" },
    { fault: "Error", code: "Error" },
    { fault: "string", frames: [] },
  ]);
  expect(JSON.stringify(lines)).not.toContain("secret");
  expect(String(lines[0]?.frames)).toMatch(/^at .*log\.test\.ts:\d+:\d+/);
});

test("a level leaves out what is less than it", () => {
  const count = (level: Parameters<typeof makeLog>[2]): number => {
    const { log, lines } = written(level);
    log.probe({ ...LINE, route: "/ready" });
    log.request(LINE);
    log.stream("https://shop.example/client", "refused", "the receiver refused an event");
    log.request({ ...LINE, status: 503 });
    return lines.length;
  };
  expect((["debug", "info", "warn", "error"] as const).map(count)).toEqual([4, 3, 2, 1]);
});

/** The server's own words; commands for a terminal speak to whoever typed them. */
const speaks = /\bconsole\s*\.|\bprocess\s*\.\s*(?:stdout|stderr)\b|from "node:console"/;

test("nothing in the server writes but the log; main says why it doesn't start, and the operator's commands answer", () => {
  const files = [...filesUnder("server")].filter((path) => path.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(100);
  const speaking = files.filter((path) => speaks.test(readFileSync(join(root, path), "utf8")));
  expect(speaking.filter((path) => !/^server\/(?:main|operator[\w-]*)\.ts$|^server\/operator\//.test(path))).toEqual([]);
  expect(readFileSync(join(root, "server", "main.ts"), "utf8").match(new RegExp(speaks, "g"))).toHaveLength(1);
  for (const text of ["console.log(1)", "process.stdout.write(x)", 'import { log } from "node:console";']) expect(text).toMatch(speaks);
});
