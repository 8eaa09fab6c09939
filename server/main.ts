/**
 * Starts the server. Run it built (`node dist/server/main.js`) or from its source (`npx tsx server/main.ts`).
 *
 * Environment, all optional:
 *   COUNTERFOIL_ISSUER   where browsers find it, an origin; default http://localhost:4000
 *   COUNTERFOIL_HOST     address to listen on; default 127.0.0.1
 *   COUNTERFOIL_PORT     default: the issuer's port, or 4000
 *   COUNTERFOIL_DATA     folder of the stores; default ./data
 *   COUNTERFOIL_CLIENTS  `open`, or the client_ids that may ask, separated by commas; default open
 *   COUNTERFOIL_WEB      folder of the built app; default dist/web/customer
 *   COUNTERFOIL_PULLS_PER_MINUTE  for each grant; default 600
 *   COUNTERFOIL_TOKENS_PER_MINUTE  for each address, and for each vendor; default 6000
 *   COUNTERFOIL_REPEATS_PER_READ  of one that counts against a frequency, within its hour; default 60
 *   COUNTERFOIL_PROXIES  how many of the operator's own proxies stand in front; default 0
 *   COUNTERFOIL_KEY_DAYS  after which tokens and events are signed by another key; default 90
 *   COUNTERFOIL_DPOP_NONCES  `always` asks every DPoP proof for a nonce, `start` those of a server's first seconds; default start
 *
 * On SIGHUP the key that signs is followed by the next one at once.
 */
import { createAdaptorServer } from "@hono/node-server";
import { makeApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { makeLog } from "./log.ts";
import type { Rows } from "./rows.ts";
import { openFileStorage } from "./storage/file/open.ts";
import { sweepRegularly } from "./store/sweep.ts";

const started = Date.now();
const config = readConfig(process.env);
const log = makeLog((text) => process.stdout.write(text), Date.now);
const storage = await openFileStorage<Rows>({ folder: config.data });
const app = await makeApp({ config, storage, log, now: Date.now, started });
const server = createAdaptorServer({ fetch: app.http.fetch });

const sweeping = sweepRegularly({ storage, outbox: app.outbox, log }, Date.now);
const telling = app.outbox.run();
const renew = (): void => void app.keys.renew().catch((error: unknown) => log.fault("keys", error));
setInterval(renew, 60_000).unref();
process.on("SIGHUP", () => void app.keys.rotate().catch((error: unknown) => log.fault("keys", error)));

server.listen(config.port, config.host, () => {
  process.stdout.write(`Counterfoil listens on ${config.host}:${config.port} for ${config.issuer}\n`);
});

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  // Whoever is being answered is answered; connections kept alive for later are not waited for.
  const closed = new Promise((resolve) => server.close(resolve));
  if ("closeIdleConnections" in server) server.closeIdleConnections();
  // Before, since a poll may wait long for its answer.
  const told = telling[Symbol.asyncDispose]();
  await closed;
  await sweeping[Symbol.asyncDispose]();
  await told;
  await storage[Symbol.asyncDispose]();
  log.flush();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
