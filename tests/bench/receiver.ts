import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { ask } from "../../vendor-sdk/ask.ts";
import { defineSink } from "../../vendor-sdk/crm/define-sink.ts";
import { flatten } from "../../vendor-sdk/crm/mapping.ts";
import type { Values } from "../../vendor-sdk/crm/sink.ts";
import { fileState } from "../../vendor-sdk/file-state.ts";
import { clientMetadata, makeKeys, publicKeys } from "../../vendor-sdk/make-keys.ts";
import { createVendor } from "../../vendor-sdk/vendor.ts";
import { answerEvent } from "../sdk/answer-event.ts";

/**
 * A shop in a process of its own: the SDK over a folder, its receiver over HTTP, and a CRM in memory that notes on the monotonic clock of this
 * machine when each row was gone.
 */
const issuer = process.env.BENCH_ISSUER ?? "";
const keys = await makeKeys();
const rows = new Map<string, Values>();
const gone = new Map<string, bigint>();
const sink = defineSink<string>({
  name: "crm",
  check: async () => [],
  toTarget: flatten,
  find: async (key) => (rows.has(key) ? { id: key, values: rows.get(key) ?? {} } : undefined),
  create: async (key, values) => void rows.set(key, values),
  patch: async () => {},
  async erase(key) {
    rows.delete(key);
    gone.set(key, process.hrtime.bigint());
    return { did: ["deleted"], remains: [] };
  },
});

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/events") return void answerEvent(receive, request, response);
  const serve = handlers[pathname];
  const said = serve === undefined ? Promise.resolve({}) : serve(request);
  said.then(
    (value) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const clientId = `${origin}/client.json`;
const back = `${origin}/back`;
const vendor = createVendor({ clientId, server: issuer, keys, state: fileState(process.env.BENCH_FOLDER ?? "") });
const receive = vendor.receiver({ sink });

const asked = () => ask({ purpose: "customer-management", paths: ["profile/emails"], days: 90 });

/** What the bench asks for besides the two documents. */
const handlers: Record<string, (request: IncomingMessage) => Promise<unknown>> = {
  "/client.json": async () =>
    clientMetadata({
      clientId,
      name: "Shop",
      legalName: "Shop S.r.l.",
      country: "IT",
      dpoContact: "mailto:privacy@shop.example",
      redirectUris: [back],
      jwksUri: `${origin}/jwks.json`,
    }),
  "/jwks.json": async () => publicKeys(keys),
  "/listen": async () => vendor.stream.ensure({ endpoint: `${origin}/events` }),
  "/ask": async () => vendor.requests.create({ authorization_details: [asked()], redirect_uri: back }),
  "/exchange": async (request) => {
    const { redirect, id } = JSON.parse(await text(request)) as { redirect: string; id: string };
    return { key: (await vendor.requests.exchange(redirect, { id })).key };
  },
  "/sync": async () => {
    await vendor.sync(sink);
    return { rows: rows.size };
  },
  "/gone": async (request) => {
    const key = await text(request);
    return { at: gone.get(key)?.toString() ?? null };
  },
};
process.stdout.write(`${JSON.stringify({ origin })}\n`);
