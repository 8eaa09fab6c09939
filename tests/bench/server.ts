import { once } from "node:events";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { makeApp } from "../../server/app.ts";
import { RATES } from "../../server/config.ts";
import { silentLog } from "../../server/log.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";

/** The whole server without rate limits: `node --import tsx tests/bench/server.ts <folder> <port> <web>`. */
const [folder = "", port = "0", web = "none"] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const storage = await openFileStorage<Rows>({ folder });
const many = 1e9;
const rates = Object.fromEntries(Object.keys(RATES).map((name) => [name, many])) as unknown as typeof RATES;
const app = await makeApp({
  config: { issuer, host: "127.0.0.1", port: Number(port), data: folder, clients: "open", web, rates },
  storage,
  log: silentLog,
  now: Date.now,
  started: Date.now(),
});
const server = createAdaptorServer({ fetch: app.fetch }) as Server;
server.listen(Number(port), "127.0.0.1");
await once(server, "listening");
process.stdout.write(`listens on ${port}\n`);
process.once("SIGTERM", () => {
  server.closeAllConnections();
  server.close();
  storage[Symbol.asyncDispose]().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
