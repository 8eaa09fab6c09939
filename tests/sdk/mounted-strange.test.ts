import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";
import { scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const { answerEvent } = (await import(new URL("../../vendor-sdk/examples/bookshop/events.js", import.meta.url).href)) as {
  answerEvent: (receive: Receiver, incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;
};

// What the web's Request refuses to be made of would end the shop's process: an error that nobody catches.
it.each(["TRACE", "GET", "PUT", "PURGE"])("a shop answers a stranger's %s to its events with 405, and goes on", async (method) => {
  await using at = await scene();
  const receive = at.vendor.receiver({ sink: crm().sink });
  const faults: unknown[] = [];
  const server = createServer((incoming, outgoing) => {
    answerEvent(receive, incoming, outgoing).catch((error: unknown) => {
      faults.push(error);
      outgoing.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const call = request({ port: (server.address() as AddressInfo).port, path: "/events", method });
  const status = new Promise<number | undefined>((resolve) => {
    call.on("response", (response) => resolve(response.resume().statusCode)).on("error", () => resolve(undefined));
  });
  call.end();
  expect([await status, faults]).toEqual([405, []]);
  server.closeAllConnections();
  server.close();
});
