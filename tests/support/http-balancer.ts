import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import { freePort } from "./free-port.ts";

/** One address in front of several servers. */
export interface HttpBalancer extends AsyncDisposable {
  /** What the servers have to take for their own. */
  readonly issuer: string;
  /** The servers' addresses, in their order. Those that come later are only asked from then on. */
  servers(...origins: string[]): void;
  /** Every request goes to this one from now on; undefined: to one after the other. */
  to(server: number | undefined): void;
}

/** A load balancer as dumb as one can be: of two requests at once, each goes to another server, whatever connection they came on. */
export async function httpBalancer(): Promise<HttpBalancer> {
  const port = await freePort();
  const agent = new Agent({ keepAlive: true });
  let origins: string[] = [];
  let only: number | undefined;
  let turn = 0;
  const server = createServer((incoming, response) => {
    const origin = origins[only ?? turn++ % origins.length] ?? "";
    const { method, headers, url = "" } = incoming;
    const onward = request(origin + url, { agent, method, headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { "content-type": "application/json" }).end("{}");
    });
    response.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(port, "localhost");
  await once(server, "listening");
  return {
    issuer: `http://localhost:${port}`,
    servers: (...all) => {
      origins = all;
    },
    to: (one) => {
      only = one;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      agent.destroy();
    },
  };
}
