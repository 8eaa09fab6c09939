import { once } from "node:events";
import { connect as connectTo, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { EMAIL } from "./scene.ts";

interface Place {
  readonly data: string;
  readonly port: number;
  readonly issuer: string;
}

async function place(data: string): Promise<Place> {
  const port = await freePort();
  return { data, port, issuer: `http://localhost:${port}` };
}

const MAIN = ["--import", "tsx", "server/main.ts"];

const serve = ({ data, port, issuer }: Place, env: Record<string, string> = {}, node: readonly string[] = []): Promise<RunningProcess> =>
  startProcess(process.execPath, [...node, ...MAIN], {
    cwd: join(import.meta.dirname, "..", ".."),
    env: { COUNTERFOIL_DATA: data, COUNTERFOIL_PORT: String(port), COUNTERFOIL_ISSUER: issuer, COUNTERFOIL_LOG_LEVEL: "debug", ...env },
    ready: /listens on/,
    grace: 20_000,
  });

const linesOf = (server: RunningProcess): Array<Record<string, unknown>> =>
  server
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A request by hand, of which the end of the body is kept back. */
async function half(
  { port, issuer }: Place,
  customer: Customer,
  path: string,
  body: string,
): Promise<{ socket: Socket; end(): Promise<string> }> {
  const socket = connectTo(port, "127.0.0.1");
  let heard = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
  });
  const closed = once(socket, "close");
  await once(socket, "connect");
  const at = body.length - 10;
  socket.write(
    [
      `POST ${path} HTTP/1.1`,
      `Host: localhost:${port}`,
      `Origin: ${issuer}`,
      "Sec-Fetch-Site: same-origin",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      `Cookie: ${customer.api.cookie}`,
      "",
      body.slice(0, at),
    ].join("\r\n"),
  );
  return {
    socket,
    async end() {
      socket.write(body.slice(at));
      await closed;
      return heard;
    },
  };
}

test("a server that is told to end says so to load balancers, answers what is on its way, durably, and nobody who hangs holds it up", async () => {
  await using folder = await scratchFolder();
  const at = await place(folder.path);
  await using server = await serve(at, { COUNTERFOIL_DRAIN_SECONDS: "1" });
  await using vendor = await TestVendor.start(at.issuer, Date.now);
  const customer = await Customer.register(at.issuer, Date.now);
  const { stream_id: id } = (await vendor.call("createStream", { body: {} })) as { stream_id: string };
  const poll = vendor.call("poll", { id, body: {} });
  const hanging = connectTo(at.port, "127.0.0.1");
  hanging.on("error", () => {}).write("GET / HTTP/1.1\r\nHost: local");
  const draft = await customer.draft({ records: { "profile/emails/e1": EMAIL } });
  const commit = await half(at, customer, "/api/store/commits", JSON.stringify(draft));
  expect((await fetch(`${at.issuer}/ready`)).status).toBe(200);

  const began = performance.now();
  process.kill(server.pid, "SIGTERM");
  await server.waitFor(/"stage":"draining"/);
  const ready = await fetch(`${at.issuer}/ready`);
  expect(ready.status).toBe(503);
  expect(ready.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(ready.headers.get("cache-control")).toBe("no-store");
  expect((await fetch(`${at.issuer}/health`)).status, "alive still").toBe(200);
  const records = (await customer.read()).records.length;
  expect(records, "and serving").toBeGreaterThan(0);

  await server.waitFor(/"stage":"stopping"/);
  expect(await poll).toEqual({ sets: {} });
  await expect(fetch(`${at.issuer}/health`)).rejects.toThrow();
  const answer = await commit.end();
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain("Connection: close");
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(9_000);
  expect(linesOf(server).at(-1)).toMatchObject({ stage: "stopped" });
  expect(linesOf(server)).toContainEqual(expect.objectContaining({ route: "/api/store/commits", status: 200 }));

  await using again = await serve(at);
  expect((await customer.read()).records).toHaveLength(records + 1);
  // A second signal: at once, whatever is on its way.
  const waiting = await half(at, customer, "/api/store/commits", JSON.stringify(draft));
  await sleep(100);
  process.kill(again.pid, "SIGTERM");
  process.kill(again.pid, "SIGINT");
  await again.waitFor(/"stage":"stopping"/);
  await sleep(1_100);
  expect(again.output(), "one that comes twice is one").not.toContain("stopped");
  process.kill(again.pid, "SIGTERM");
  expect(await again.exited).toEqual({ code: 1, signal: null });
  waiting.socket.destroy();
});

test("what nobody caught is logged as a fault without its message, after all that was logged before, and the process ends", async () => {
  await using folder = await scratchFolder();
  const at = await place(folder.path);
  const crash = 'process.on("SIGUSR2", () => { throw new RangeError(["a", "secret"].join("-")); });';
  await using server = await serve(at, {}, ["--import", `data:text/javascript,${encodeURIComponent(crash)}`]);
  const refused = await fetch(`${at.issuer}/api/nothing`);
  process.kill(server.pid, "SIGUSR2");
  expect(await server.exited).toEqual({ code: 1, signal: null });
  const [line, fault] = linesOf(server).slice(-2);
  expect(line).toMatchObject({ level: "info", status: 404, code: "not_found", request: refused.headers.get("x-request-id") });
  expect(((await refused.json()) as { request: string }).request).toBe(line?.request);
  expect(fault).toMatchObject({ level: "error", fault: "RangeError", request: "uncaught" });
  expect(server.output()).not.toContain("a-secret");
});

test("wrong settings end it with all of them named, a status of their own, and nothing made", async () => {
  await using folder = await scratchFolder();
  const at = await place(join(folder.path, "data"));
  const refused = await serve(at, { COUNTERFOIL_STORAGE: "mysql://u:hush-hush@db.example", COUNTERFOIL_PROT: "1" }).catch(
    (error: Error) => error.message,
  );
  expect(refused).toContain("(78)");
  expect(refused).toContain("COUNTERFOIL_STORAGE: found something else (not shown)");
  expect(refused).toContain("COUNTERFOIL_PROT: found a setting that there is not, expected COUNTERFOIL_PORT");
  expect(refused).not.toContain("hush");
});
