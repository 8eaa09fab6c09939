import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A TCP port of this machine on which nobody listens now. A server that can listen on port 0 by itself should rather do that. Below the
 * range from which the system takes ports for outgoing connections: one of those would be gone before it is used.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = randomInt(15_000, 32_000);
    const server = createServer();
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("no free port found");
}
