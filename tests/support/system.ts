import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { makeApp } from "../../server/app.ts";
import { type Config, RATES } from "../../server/config.ts";
import type { Log } from "../../server/log.ts";
import type { Outbox } from "../../server/outbox/outbox.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { type Storage, StorageError } from "../../server/storage/storage.ts";
import { sweep } from "../../server/store/sweep.ts";
import { Clock } from "./clock.ts";
import { freePort } from "./free-port.ts";
import { scratchFolder } from "./scratch-folder.ts";

export const silentLog: Log = { request: () => {}, fault: () => {}, erased: () => {}, stream: () => {}, flush: () => {} };

export interface SystemOptions {
  clock?: Clock;
  config?: Partial<Config>;
  log?: Log;
  started?: number;
}

/** A whole server on a free port over a data folder of its own, with a clock that stands still. */
export interface System extends AsyncDisposable {
  readonly issuer: string;
  readonly clock: Clock;
  readonly storage: Storage<Rows>;
  /** Running. */
  readonly outbox: Outbox;
  /** Where all of it lies. */
  readonly data: string;
  /** Does what is due by the clock, as a running server does from time to time: erases, ends what has expired, reminds vendors. */
  sweep(): Promise<void>;
  /** From now on every change fails so, or only those of this kind: `full` or `failed`; undefined: works again. */
  failWith(code: "full" | "failed" | undefined, only?: "erase"): void;
}

export async function startSystem({
  clock = new Clock(),
  config = {},
  log = silentLog,
  started = clock.now(),
}: SystemOptions = {}): Promise<System> {
  const folder = await scratchFolder();
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const storage = await openFileStorage<Rows>({ folder: folder.path, now: clock.now });
  const disk = failing(storage);
  const whole: Config = {
    issuer,
    host: "127.0.0.1",
    port,
    data: folder.path,
    clients: "open",
    web: "none",
    proxies: 0,
    keyAge: 90 * 86_400_000,
    nonces: "start",
    rates: { ...RATES, logins: 10_000, commits: 10_000, others: 10_000, pulls: 10_000 },
    ...config,
  };
  const app = await makeApp({ config: whole, storage: disk.storage, log, now: clock.now, started });
  const server = createAdaptorServer({ fetch: app.http.fetch }) as Server;
  server.listen(port, "localhost");
  await once(server, "listening");
  const telling = app.outbox.run();
  return {
    issuer: `http://localhost:${(server.address() as AddressInfo).port}`,
    clock,
    storage,
    data: folder.path,
    failWith: disk.failWith,
    outbox: app.outbox,
    sweep: () => sweep({ storage: disk.storage, outbox: app.outbox, log }, clock.now()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await telling[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The storage with a switch: what a full disk or a broken one makes of every change. */
function failing(storage: Storage<Rows>): { storage: Storage<Rows>; failWith: System["failWith"] } {
  let code: "full" | "failed" | undefined;
  let only: "erase" | undefined;
  const unless = <Result>(work: () => Promise<Result>, kind: "change" | "erase" = "change"): Promise<Result> =>
    code === undefined || (only !== undefined && only !== kind) ? work() : Promise.reject(new StorageError(code, "as the test says"));
  return {
    failWith: (next, kind) => {
      code = next;
      only = kind;
    },
    storage: {
      create: (id, work) => unless(() => storage.create(id, work)),
      read: (id, work) => storage.read(id, work),
      change: (id, work) => unless(() => storage.change(id, work)),
      find: (kind, name) => storage.find(kind, name),
      findDue: (now, limit) => storage.findDue(now, limit),
      erase: (id, work) => unless(() => storage.erase(id, work), "erase"),
      getDocument: (name) => storage.getDocument(name),
      putDocument: (name, value) => unless(() => storage.putDocument(name, value)),
      once: (kind, key, until) => storage.once(kind, key, until),
      putTicket: (kind, name, value, until) => storage.putTicket(kind, name, value, until),
      getTicket: (kind, name) => storage.getTicket(kind, name),
      takeTicket: (kind, name) => storage.takeTicket(kind, name),
      append: (feed, entries) => unless(() => storage.append(feed, entries)),
      readFeed: (feed, range) => storage.readFeed(feed, range),
      removeFromFeed: (feed, positions) => unless(() => storage.removeFromFeed(feed, positions)),
      listFeeds: (range) => storage.listFeeds(range),
      count: (key, window) => storage.count(key, window),
      [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
    },
  };
}
