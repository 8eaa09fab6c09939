import type { Standby } from "../medium.ts";
import type { Storage } from "../storage.ts";
import { type Libpq, readAddress } from "./address.ts";
import { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { Origin } from "./origin.ts";
import { PostgresStorage } from "./postgres-storage.ts";

export interface PostgresOptions {
  /** See `readAddress`. It holds a password: no message says it. */
  url: string;
  /** `PGUSER`, `PGPASSWORD`, `PGPASSFILE`, where the address is silent. */
  libpq?: Libpq;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Most connections of this process, without the one for notices. At least 2. */
  connections?: number;
  /** Milliseconds that one statement may take, or wait for a lock. */
  statementTimeout?: number;
  /** Milliseconds until a connection must be there, or free. */
  connectTimeout?: number;
  /** Milliseconds for which a lost answer to COMMIT is looked up. */
  lookup?: number;
  /** Milliseconds between looks for nonces, tickets and counts that are over. */
  expiring?: number;
  standby?: Standby;
  /** Is told what the operator should know. */
  tell?: (notice: Notice) => void;
}

/** `moved`: the address leads to another database, or to an earlier state of it. This storage only fails from now on. */
export type Notice = { readonly kind: "moved" };

/**
 * Opens the engine over PostgreSQL 15 or later, and makes or changes its tables where that is needed.
 * @throws {TypeError} if the address is none
 * @throws {StorageError} `layout`, `full`, `failed`
 */
export async function openPostgresStorage<Rows extends object = object>({
  url,
  libpq = {},
  now = Date.now,
  connections = 10,
  statementTimeout = 10_000,
  connectTimeout = 5_000,
  lookup = 8_000,
  expiring = 60_000,
  standby = "asynchronous",
  tell = () => {},
}: PostgresOptions): Promise<Storage<Rows>> {
  if (!Number.isInteger(connections) || connections < 2) throw new TypeError("connections: 2 or more");
  const origin = new Origin(standby, () => tell({ kind: "moved" }));
  const database = new Database({ address: readAddress(url, libpq), connections, statementTimeout, connectTimeout, lookup, origin });
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new PostgresStorage<Rows>({ database, now, expiring, patience: statementTimeout + connectTimeout });
}
