import type { Client } from "pg";
import { StorageError } from "../storage.ts";
import type { Database } from "./database.ts";
import { failure } from "./failure.ts";
import { MIGRATIONS } from "./migrations/migrations.ts";

/** Ours, among whoever else locks something by number in this database. */
const LOCK = "7166418253160945";
const OLDEST = 150_000;
/** Others who start are waited for; one with many stores to change takes its time. */
const WAIT = "2min";
const LONGEST = "1h";

/**
 * Brings the database to this server's version; of several that start at once one does it and the others wait.
 * @throws {StorageError} `layout`: a server that is too old, another encoding, or a database that a newer server has changed
 */
export async function migrate(database: Database, migrations: readonly string[] = MIGRATIONS): Promise<void> {
  const client = await database.connect({ query_timeout: 0, statement_timeout: false, lock_timeout: 0 });
  try {
    await assertServer(client);
    if ((await versionOf(client)) === migrations.length) return;
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    await client.query(`SELECT set_config('lock_timeout', '${WAIT}', true), set_config('statement_timeout', '${LONGEST}', true)`);
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    const version = await versionOf(client);
    if (version > migrations.length)
      throw new StorageError("layout", `the database has version ${version}, of a newer server; this one knows up to ${migrations.length}`);
    if (version === 0) await client.query("CREATE TABLE IF NOT EXISTS layout (version integer NOT NULL PRIMARY KEY)");
    for (const [index, text] of migrations.entries()) if (index >= version) await client.query(text);
    await client.query("DELETE FROM layout");
    await client.query("INSERT INTO layout (version) VALUES ($1)", [migrations.length]);
    const { command } = await client.query("COMMIT");
    if (command !== "COMMIT") throw new StorageError("failed", "the database did not take its new tables");
  } catch (error) {
    throw failure(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function assertServer(client: Client): Promise<void> {
  const { rows } = await client.query<[string, string]>({
    text: "SELECT current_setting('server_version_num'), current_setting('server_encoding')",
    rowMode: "array",
  });
  const [version, encoding] = rows[0] as [string, string];
  if (Number(version) < OLDEST)
    throw new StorageError("layout", `this is PostgreSQL ${Math.floor(Number(version) / 10_000)}; 15 or later is needed`);
  if (encoding !== "UTF8") throw new StorageError("layout", `the database is in ${encoding}; make one with ENCODING 'UTF8'`);
}

/** 0: an empty database. What another has made while it was waited for is only seen by who locks a table since. */
async function versionOf(client: Client): Promise<number> {
  // A question to the catalogue's own tables: `to_regclass` may answer from before the lock was taken.
  const { rows } = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'layout'");
  if (rows.length === 0) return 0;
  const { rows: said } = await client.query<[number | null]>({ text: "SELECT max(version) FROM layout", rowMode: "array" });
  return said[0]?.[0] ?? 0;
}
