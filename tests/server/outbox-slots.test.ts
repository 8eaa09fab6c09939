import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { grantOf, openBox } from "./outbox-box.ts";

const listen = async (server: Server): Promise<string> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
};

test("more new receivers than there are places, none of which answers, hold up no other vendor", { timeout: 30_000 }, async () => {
  await using box = await openBox();
  const silent = createServer(() => {});
  const silence = await listen(silent);
  for (let at = 0; at < 140; at++) {
    await box.stream(`silent${at}`, silence);
    await box.tell(`silent${at}`, grantOf(`g${at}`), "grant-paused", { initiating_entity: "user" });
  }
  box.outbox.wake();
  const good = createServer((request, response) => void response.writeHead(202).end(request.resume() && undefined));
  const heard = once(good, "request");
  await box.stream("good", await listen(good));
  const told = performance.now();
  await box.tell("good", grantOf("good"), "grant-revoked", { initiating_entity: "user", delete_by: null });
  box.outbox.wake();
  await heard;
  expect(performance.now() - told).toBeLessThan(5_000);
  for (const server of [silent, good]) {
    server.closeAllConnections();
    server.close();
  }
});
