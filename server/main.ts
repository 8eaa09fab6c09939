/**
 * Starts the server. Run it built (`node dist/server/main.js`) or from its source (`npx tsx server/main.ts`).
 *
 * Its settings are environment variables, all optional: see configuration/README.md. One that is wrong, or that there is not, ends it with the
 * status 78 (sysexits: EX_CONFIG), which no restart mends.
 *
 * SIGTERM and SIGINT end it gracefully, a second one at once; on SIGHUP the key that signs is followed by the next one at once.
 */
import { type App, makeApp } from "./app.ts";
import { type Config, readConfig } from "./configuration/config.ts";
import { SettingsError } from "./configuration/setting.ts";
import { serveCopies } from "./copies/serve.ts";
import { EndingByHand } from "./ending.ts";
import { Listener } from "./listener.ts";
import { type Log, makeLog } from "./log.ts";
import { logOutput } from "./log-output.ts";
import { openMetrics } from "./metrics/open.ts";
import type { Rows } from "./rows.ts";
import { stopper } from "./stopping.ts";
import { openStorage } from "./storage/open.ts";
import { type Storage, StorageError } from "./storage/storage.ts";
import { keepFeeds } from "./store/keep-feeds.ts";
import { sweepRegularly } from "./store/sweep.ts";
import { VERSION } from "./version.ts";

const WRONG_SETTINGS = 78;

/** Ends the process with a sentence for the one who started it. */
function refuse(why: string, status: number): never {
  process.stderr.write(`Counterfoil does not start.\n${why}\n`);
  process.exit(status);
}

function settings(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return refuse(error.message, WRONG_SETTINGS);
  }
}

async function main(): Promise<void> {
  const started = Date.now();
  const config = settings();
  const { running } = config;
  const output = logOutput();
  const place = running.metrics === "off" ? undefined : running.metrics;
  const metrics = place === undefined ? undefined : openMetrics({ version: VERSION, output });
  const plain = makeLog(output, Date.now, running.logLevel);
  const log = metrics?.log(plain) ?? plain;
  crashLoudly(log);

  const moved = new AbortController();
  const opened = await open(config, log, () => moved.abort());
  const storage = metrics?.storage(opened) ?? opened;
  const ending = new EndingByHand();
  const app = await makeApp({ config, storage, log, now: Date.now, started, ending }).catch((error: unknown) => unopened(error, log));
  const sweeping = sweepRegularly({ storage: app.storage, outbox: app.outbox, log, goOn: app.goOn }, Date.now);
  const telling = app.outbox.run();
  const feeds = keepFeeds({ storage: app.storage, log, now: Date.now });
  renewKeys(app, log);
  const { host, port } = config;
  const { connections, keepAlive } = running;
  const door = { fetch: app.http.fetch, host, port, connections, keepAlive };
  const listener = await listen(`${host}:${port}`, () => Listener.open(door), log);
  const copies = config.storage.kind === "embedded" ? await serveCopies(opened, config.storage.folder) : undefined;
  if (config.storage.kind === "embedded" && copies === undefined) log.process({ stage: "uncopied" });
  const page = place && metrics && (await listen(`${place.host}:${place.port}`, () => metrics.listen(place, listener), log));
  log.process({
    stage: "listening",
    address: `${host}:${listener.port}`,
    issuer: config.issuer,
    storage: config.storage.kind,
    metrics: page?.at ?? "off",
  });

  const stop = stopper({
    running,
    ending,
    listener,
    telling,
    sweeping,
    log,
    closeAfter: [page, copies, feeds, storage].filter((it) => it !== undefined),
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop());
  // The next process begins with what is there now, as one that was restored; whoever watches over this one starts it.
  moved.signal.addEventListener("abort", () => stop(1));
  if (moved.signal.aborted) stop(1);
}

/** @param moved is called when the address of the database leads elsewhere */
async function open({ storage, standby }: Config, log: Log, moved: () => void): Promise<Storage<Rows>> {
  try {
    return await openStorage<Rows>(storage, {
      standby,
      tell: (notice) => {
        if (notice.kind === "upgraded") log.process({ stage: "upgraded", from: notice.from });
        else if (notice.kind === "damaged") log.process({ stage: "damaged", part: notice.damage.kind });
        else {
          log.process({ stage: "moved" });
          moved();
        }
      },
    });
  } catch (error) {
    // An address that is none; it is said without the address.
    if (error instanceof TypeError && storage.kind === "postgres") return refuse(`COUNTERFOIL_STORAGE: ${error.message}`, WRONG_SETTINGS);
    return unopened(error, log);
  }
}

function unopened(error: unknown, log: Log): never {
  log.fault("start", error);
  log.flush();
  // The contract's messages name no row, no value and no secret.
  return refuse(error instanceof StorageError ? error.message : "The storage can't be opened: see the log.", 1);
}

/** @param open opens a listener there */
async function listen<Opened>(place: string, open: () => Promise<Opened>, log: Log): Promise<Opened> {
  try {
    return await open();
  } catch (error) {
    log.fault("listen", error);
    log.flush();
    return refuse(`It can't listen on ${place} (${(error as NodeJS.ErrnoException).code}).`, 1);
  }
}

function renewKeys({ keys }: App, log: Log): void {
  const failed = (error: unknown): void => log.fault("keys", error);
  setInterval(() => void keys.renew().catch(failed), 60_000).unref();
  process.on("SIGHUP", () => void keys.rotate().catch(failed));
}

/** What nobody caught may have left anything half-done: the next process begins from what is durable. */
function crashLoudly(log: Log): void {
  const crash = (error: unknown): void => {
    log.fault("uncaught", error);
    log.flush();
    process.exit(1);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

await main();
