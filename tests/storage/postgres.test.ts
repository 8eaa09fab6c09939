import pg from "pg";
import { openPostgresStorage } from "../../server/storage/postgres/open.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { storageContract, type ToyRows } from "./contract.ts";

let made: Promise<string> | undefined;

/** One database for the whole suite, emptied for each test: to make one takes longer. */
async function emptied(): Promise<string> {
  made ??= sharedPostgres().then((postgres) => postgres.database());
  const url = await made;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ tables: string | null }>(
      "SELECT string_agg(quote_ident(tablename), ', ') AS tables FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'layout'",
    );
    // Few rows: quicker than to truncate each table.
    for (const table of rows[0]?.tables?.split(", ") ?? []) await client.query(`DELETE FROM ${table}`);
  } finally {
    await client.end();
  }
  return url;
}

storageContract("PostgreSQL engine", async () => {
  const url = await emptied();
  const clock = { now: Date.now() };
  const open = () => openPostgresStorage<ToyRows>({ url, now: () => clock.now });
  let storage = await open();
  return {
    storage,
    clock,
    async reopen() {
      await storage[Symbol.asyncDispose]();
      storage = await open();
      return storage;
    },
    async remove() {
      await storage[Symbol.asyncDispose]();
    },
  };
});
