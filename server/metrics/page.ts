import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

/** Milliseconds. */
const TIMEOUT = 10_000;
const CONNECTIONS = 32;

export interface MetricsPage extends AsyncDisposable {
  readonly at: string;
}

/** A listener of its own for whoever collects metrics: `GET /metrics`, and nothing else. */
export async function openPage(registry: Registry, { host, port }: { host: string; port: number }): Promise<MetricsPage> {
  const server = createServer(
    { requestTimeout: TIMEOUT, headersTimeout: TIMEOUT, keepAliveTimeout: TIMEOUT, connectionsCheckingInterval: TIMEOUT / 2 },
    (request, answer) => {
      const isKnown = request.url === "/metrics" && (request.method === "GET" || request.method === "HEAD");
      if (!isKnown) {
        answer.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("Metrics are at GET /metrics.\n");
        return;
      }
      registry.metrics().then(
        (text) => answer.writeHead(200, { "Content-Type": registry.contentType, "Cache-Control": "no-store" }).end(text),
        () => answer.writeHead(500).end(),
      );
    },
  );
  server.maxConnections = CONNECTIONS;
  server.setTimeout(TIMEOUT);
  server.listen(port, host);
  await once(server, "listening");
  return {
    at: `${host}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
