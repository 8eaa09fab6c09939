import { expect, test } from "vitest";
import { freePort } from "./free-port.ts";
import { startProcess } from "./process.ts";

const node = process.execPath;

test("a process is ready when it says so, and gone on disposal", async () => {
  let exited: Promise<unknown>;
  {
    const script = 'process.on("SIGTERM", () => process.exit(7)); console.log("port 4711"); setInterval(() => {}, 1000)';
    await using running = await startProcess(node, ["-e", script], { ready: /port (\d+)/ });
    expect(running.started?.[1]).toBe("4711");
    exited = running.exited;
  }
  expect(await exited).toEqual({ code: 7, signal: null });
});

test("a process is ready when it answers", async () => {
  const port = await freePort();
  const script = `require("node:http").createServer((_, reply) => reply.end("here")).listen(${port}, "127.0.0.1")`;
  await using running = await startProcess(node, ["-e", script], { ready: { url: `http://127.0.0.1:${port}/` } });
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
  expect(await running.kill()).toEqual({ code: null, signal: "SIGKILL" });
});

test("one that ends, stays silent or does not exist is an error with its output", async () => {
  await expect(startProcess(node, ["-e", 'console.error("no disk"); process.exit(3)'], { ready: /listening/ })).rejects.toThrow(
    /ended \(3\)[\s\S]*no disk/,
  );
  await expect(startProcess(node, ["-e", "setInterval(() => {}, 1000)"], { ready: /listening/, timeout: 300 })).rejects.toThrow(
    /within 300 ms/,
  );
  await expect(startProcess("no-such-program", [], { ready: /x/ })).rejects.toThrow("ENOENT");
});

test("one that ignores SIGTERM is killed", async () => {
  const script = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)';
  const running = await startProcess(node, ["-e", script], { ready: /up/, grace: 200 });
  expect(await running.stop()).toEqual({ code: null, signal: "SIGKILL" });
});
