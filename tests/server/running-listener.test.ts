import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { expect, test } from "vitest";
import type { Bindings } from "../../server/http.ts";
import { Listener, type ListenerParts } from "../../server/listener.ts";

interface Door extends AsyncDisposable {
  readonly listener: Listener;
  /** Lets the answers of `/slow` go. */
  answer(): void;
  /** Requests that have come to `/slow`. */
  asked: Promise<void>;
}

function later() {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function open(parts: Partial<ListenerParts> = {}): Promise<Door> {
  const http = new Hono<Bindings>();
  const gate = later();
  const asked = later();
  http.onError(() => new Response("", { status: 400 }));
  http.get("/", (context) => context.text("here"));
  http.get("/slow", async (context) => {
    asked.resolve();
    await gate.promise;
    return context.text("at last");
  });
  http.get("/large", () => {
    let left = 600;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(65_536));
          else controller.close();
        },
      }),
    );
  });
  http.post("/", async (context) => {
    let size = 0;
    for await (const chunk of context.env.incoming) size += (chunk as Buffer).length;
    return context.text(String(size));
  });
  const listener = await Listener.open({ fetch: http.fetch, host: "127.0.0.1", port: 0, connections: 100, keepAlive: 60_000, ...parts });
  return {
    listener,
    answer: gate.resolve,
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await listener.close(1);
    },
  };
}

interface Client {
  readonly socket: Socket;
  heard(): string;
  closed: Promise<unknown>;
}

async function call(listener: Listener, says = ""): Promise<Client> {
  const socket = connect(listener.port, "127.0.0.1");
  let heard = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    heard += text;
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  socket.write(says);
  return { socket, heard: () => heard, closed };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 500) throw new Error("it did not become so within 5 s");
    await sleep(10);
  }
}

test("one who sends a head or a body drop by drop is cut, and others are answered meanwhile", async () => {
  await using door = await open({ limits: { head: 150, request: 300, look: 25 } });
  const head = await call(door.listener, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Drop: ");
  const silent = await call(door.listener);
  const body = await call(door.listener, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  const drops = setInterval(() => [head, body].map(({ socket }) => socket.writable && socket.write("x")), 20);
  const honest = await call(door.listener, get("/"));
  await until(() => honest.heard().includes("here"));
  await Promise.all([head.closed, silent.closed, body.closed]);
  clearInterval(drops);
  expect(head.heard()).toMatch(/^HTTP\/1\.1 408 /);
  expect(body.heard()).toMatch(/^HTTP\/1\.1 408 /);
});

test("a head that is too long is refused", async () => {
  await using door = await open();
  const client = await call(door.listener, `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`);
  await client.closed;
  expect(client.heard()).toMatch(/^HTTP\/1\.1 431 /);
});

test("one more connection than there may be is closed at once, and counted", async () => {
  await using door = await open({ connections: 2 });
  const first = await call(door.listener, get("/"));
  const second = await call(door.listener, get("/"));
  await until(() => first.heard().includes("here") && second.heard().includes("here"));
  await (await call(door.listener, get("/"))).closed;
  expect(door.listener.traffic).toMatchObject({ connections: 2, dropped: 1 });
});

test.each([
  ["is cut after a while in which nothing moved", { idle: 300 }],
  ["or next to nothing", { reading: 150 }],
])("one who does not read the answer %s; one who reads slowly is not", async (_, limits) => {
  await using door = await open({ limits });
  const stalled = await call(door.listener, get("/large"));
  stalled.socket.pause();
  const slow = await call(door.listener, get("/large"));
  slow.socket.pause();
  const sips = setInterval(() => slow.socket.read(400_000), 10);
  await until(() => door.listener.traffic.connections === 1);
  const before = slow.heard().length;
  await until(() => slow.heard().length > before + 4_000_000);
  clearInterval(sips);
  expect(door.listener.traffic).toMatchObject({ connections: 1, stalled: 1 });
});

test("closing answers who has asked and says that the connection ends, and takes nobody new", async () => {
  await using door = await open();
  const idle = await call(door.listener, get("/"));
  await until(() => idle.heard().includes("here"));
  expect(idle.heard()).toContain("Connection: keep-alive");
  const waiting = await call(door.listener, get("/slow"));
  await door.asked;
  const { port } = door.listener;
  const closing = door.listener.close(5_000);
  await idle.closed;
  const refused = connect(port, "127.0.0.1");
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNREFUSED");
  expect(waiting.heard()).toBe("");
  door.answer();
  expect(await closing).toBe(0);
  await waiting.closed;
  expect(waiting.heard()).toContain("Connection: close");
  expect(waiting.heard()).toContain("at last");
});

test("one whose request is not wholly there is not waited for long, and one that takes too long is cut and counted", async () => {
  await using door = await open({ limits: { sending: 50 } });
  const half = await call(door.listener, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
  const waiting = await call(door.listener, get("/slow"));
  await door.asked;
  const closing = door.listener.close(400);
  expect(await Promise.race([half.closed.then(() => "half"), closing.then(() => "all")]), "which goes first").toBe("half");
  await until(() => door.listener.traffic.answering === 1);
  expect(await closing).toBe(1);
  await waiting.closed;
  expect(waiting.heard()).toBe("");
});
