import pg from "pg";
import type { StoragePlace } from "../../server/storage/place.ts";
import { startPostgres } from "../support/postgres.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { sizeOf } from "./size-of.ts";

/** Where a server's data lies in one run. */
export interface Place extends AsyncDisposable {
  readonly storage: StoragePlace;
  /** For the server's process. */
  readonly env: Record<string, string>;
  readonly folder: string;
  /** Bytes on the disk. */
  size(): Promise<number>;
}

async function embedded(): Promise<Place> {
  const folder = await scratchFolder();
  return {
    storage: { kind: "embedded", folder: folder.path },
    env: {},
    folder: folder.path,
    size: () => sizeOf(folder.path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A PostgreSQL of its own that waits for the disk at each commit, on the core of whoever measures. */
async function postgres(): Promise<Place> {
  const server = await startPostgres({ fsync: true, settings: ["shared_buffers=512MB", "max_wal_size=4GB"] });
  const url = await server.database();
  const folder = await scratchFolder();
  return {
    storage: { kind: "postgres", url, connections: 10, statementTimeout: 10_000 },
    env: { COUNTERFOIL_STORAGE: url },
    folder: folder.path,
    async size() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query<{ size: string }>("SELECT pg_database_size(current_database()) AS size");
        return Number(rows[0]?.size);
      } finally {
        await client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export const places = { embedded, postgres };
