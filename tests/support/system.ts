import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { makeApp } from "../../server/app.ts";
import { type Config, RATES, readConfig } from "../../server/configuration/config.ts";
import type { Log } from "../../server/log.ts";
import type { Outbox } from "../../server/outbox/outbox.ts";
import type { Rows } from "../../server/rows.ts";
import { openFileStorage } from "../../server/storage/file/open.ts";
import { type Storage, StorageError } from "../../server/storage/storage.ts";
import { withReplaced } from "../../server/storage/with-replaced.ts";
import { sweep } from "../../server/store/sweep.ts";
import { Clock } from "./clock.ts";
import { freePort } from "./free-port.ts";
import { scratchFolder } from "./scratch-folder.ts";

const nothing = (): void => {};
export const silentLog: Log = {
  request: nothing,
  probe: nothing,
  fault: nothing,
  erased: nothing,
  stream: nothing,
  events: nothing,
  process: nothing,
  flush: nothing,
};

export interface SystemOptions {
  clock?: Clock;
  config?: Partial<Config>;
  log?: Log;
  started?: number;
  /** That of a server before it, whose data it goes on with. */
  port?: number;
  /** Another engine than the embedded one over a folder of its own. Closed with the system. */
  storage?: { readonly place: Config["storage"]; open(now: () => number): Promise<Storage<Rows>> };
}

/** A whole server on a free port over a data folder of its own, or what the test brings, with a clock that stands still. */
export interface System extends AsyncDisposable {
  readonly issuer: string;
  readonly clock: Clock;
  readonly storage: Storage<Rows>;
  /** Running. */
  readonly outbox: Outbox;
  /** Where all of it lies, if not in an engine that the test brought. */
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
  port: before,
  storage: other,
}: SystemOptions = {}): Promise<System> {
  const folder = await scratchFolder();
  const port = before ?? (await freePort());
  const issuer = `http://localhost:${port}`;
  const storage = await (other?.open(clock.now) ?? openFileStorage<Rows>({ folder: folder.path, now: clock.now }));
  const disk = failing(storage);
  const whole: Config = {
    ...readConfig({ COUNTERFOIL_ISSUER: issuer }),
    storage: other?.place ?? { kind: "embedded", folder: folder.path },
    web: "none",
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
    sweep: () => sweep({ storage: app.storage, outbox: app.outbox, log, goOn: app.goOn }, clock.now()),
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
    storage: withReplaced(storage, {
      create: (id, work) => unless(() => storage.create(id, work)),
      change: (id, work) => unless(() => storage.change(id, work)),
      erase: (id, work) => unless(() => storage.erase(id, work), "erase"),
      putDocument: (name, value) => unless(() => storage.putDocument(name, value)),
      changeDocument: (name, work) => unless(() => storage.changeDocument(name, work)),
      append: (feed, entries) => unless(() => storage.append(feed, entries)),
      removeFromFeed: (feed, positions) => unless(() => storage.removeFromFeed(feed, positions)),
      check: () => unless(() => storage.check()),
    }),
  };
}
