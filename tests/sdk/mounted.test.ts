import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import type { Receiver } from "../../vendor-sdk/events/receiver.ts";
import { scene } from "./connected.ts";
import { crm } from "./memory-crm.ts";

const readme = await readFile(join(import.meta.dirname, "..", "..", "vendor-sdk", "README.md"), "utf8");
const blocks = [...readme.matchAll(/<!-- mounted: tests\/sdk\/mounted\.test\.ts -->\n```js\n([\s\S]*?)```/g)].map(([, code = ""]) => code);

/** The README's own text, with what stands around it in a shop. */
const run = (code: string, names: Record<string, unknown>, result = "undefined"): unknown =>
  new Function(...Object.keys(names), `"use strict";\n${code}\nreturn ${result};`)(...Object.values(names));

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What of Express the README's lines use: a route, and node's own request and response. */
function express(): { app: { post(path: string, handler: Handler): void }; listener: RequestListener } {
  const routes = new Map<string, Handler>();
  return {
    app: { post: (path, handler) => void routes.set(path, handler) },
    listener: (request, response) => void routes.get(request.url ?? "")?.(request, response),
  };
}

const MOUNTS: [string, (receive: Receiver) => ReturnType<typeof createServer>][] = [
  [
    "Hono",
    (receive) => {
      const app = new Hono();
      run(blocks[0] ?? "", { app, receive });
      return createAdaptorServer({ fetch: app.fetch }) as ReturnType<typeof createServer>;
    },
  ],
  [
    "Express",
    (receive) => {
      const { app, listener } = express();
      run(blocks[1] ?? "", { app, receive, Readable });
      return createServer(listener);
    },
  ],
  ["node:http", (receive) => run(blocks[2] ?? "", { createServer, receive, Readable }, "server") as ReturnType<typeof createServer>],
];

/** Of methods, too, that fetch doesn't send. */
const statusOf = async (method: string, url: string): Promise<number | undefined> => {
  const [response] = (await once(request(url, { method }).end(), "response")) as [IncomingMessage];
  return response.resume().statusCode;
};

describe("the receiver as the README mounts it", () => {
  it.each(MOUNTS)("takes events in %s, and refuses what is none", async (name, mount) => {
    expect(blocks).toHaveLength(3);
    await using it = await scene();
    const { grant } = await it.connect();
    const receive = it.vendor.receiver({ sink: crm().sink });
    const server = mount(receive).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
    const headers = { "content-type": "application/secevent+jwt", accept: "application/json" };
    const post = (body: string) => fetch(url, { method: "POST", headers, body });
    const taken = await post(await it.server.events.event("grant-revoked", grant.id));
    expect([taken.status, await taken.text()]).toEqual([202, ""]);
    const refused = await post(await it.server.events.event("grant-revoked", grant.id, { claims: { iss: "https://other.example" } }));
    expect([refused.status, await refused.json()]).toEqual([400, { err: "invalid_issuer", description: expect.any(String) as string }]);
    expect((await post("x".repeat(100_000))).status).toBe(413);
    if (name === "node:http") expect(await statusOf("TRACE", url), "and is not ended by a stranger").toBe(405);
    await receive.idle();
    expect((await it.vendor.grants.get(grant.id))?.state).toBe("revoked");
    server.closeAllConnections();
    server.close();
  });
});
