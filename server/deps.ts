import type { Config } from "./configuration/config.ts";
import type { Ending } from "./ending.ts";
import type { AccessTokens } from "./guards/access-token.ts";
import type { Proofs } from "./guards/dpop.ts";
import type { Life } from "./life.ts";
import type { Log } from "./log.ts";
import type { ServerWords } from "./moves/server-words.ts";
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
  /** Which one of the deployment this is. */
  readonly life: Life;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /**
   * Epoch milliseconds at which this process began: what was made before may have been used. Where the storage remembers what was: when
   * it was put back to an earlier state, or 0.
   */
  readonly started: number;
  readonly log: Log;
  readonly keys: ServerKeys;
  readonly clients: Clients;
  readonly proofs: Proofs;
  readonly accessTokens: AccessTokens;
  /** What vendors have to be told. */
  readonly outbox: Outbox;
  /** What servers say to each other about stores that move between them. */
  readonly words: ServerWords;
  readonly web: WebApp | undefined;
  readonly ending: Ending;
}
