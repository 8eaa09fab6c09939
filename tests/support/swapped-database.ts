import pg from "pg";
import type { TcpProxy } from "./tcp-proxy.ts";

/** As a restore beside the servers: behind the same address and name there is a copy of the database from now on. `proxy`: where they ask. */
export async function swapForCopy(direct: string, proxy: Pick<TcpProxy, "cut" | "refuse">): Promise<void> {
  const name = new URL(direct).pathname.slice(1);
  const client = new pg.Client({ connectionString: direct.replace(/[^/]+$/, "postgres") });
  await client.connect();
  proxy.refuse(true);
  proxy.cut();
  try {
    await client.query("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = $1", [name]);
    await client.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
    await client.query(`ALTER DATABASE ${name} RENAME TO ${name}_before`);
    await client.query(`ALTER DATABASE ${name}_copy RENAME TO ${name}`);
  } finally {
    await client.end();
    proxy.refuse(false);
  }
}
