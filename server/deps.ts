import type { Config } from "./config.ts";
import type { AccessTokens } from "./guards/access-token.ts";
import type { Proofs } from "./guards/dpop.ts";
import type { Log } from "./log.ts";
import type { ServerKeys } from "./oauth/server-keys.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { WebApp } from "./pages/web-app.ts";
import type { Rows } from "./rows.ts";
import type { Storage } from "./storage/storage.ts";
import type { Clients } from "./vendors/clients.ts";

/** Everything an endpoint needs, put together once in `app.ts`. */
export interface Deps {
  readonly config: Config;
  readonly storage: Storage<Rows>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Epoch milliseconds at which this process began: what was made before may have been used. */
  readonly started: number;
  readonly log: Log;
  readonly keys: ServerKeys;
  readonly clients: Clients;
  readonly proofs: Proofs;
  readonly accessTokens: AccessTokens;
  /** What vendors have to be told. */
  readonly outbox: Outbox;
  readonly web: WebApp | undefined;
}
