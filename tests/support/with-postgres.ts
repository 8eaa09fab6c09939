import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startPostgres } from "./postgres.ts";

// Runs a command with a PostgreSQL of its own, whose data stays in data/postgres; or with the one that the caller has set already.
const [command = "", ...rest] = process.argv.slice(2);
const folder = join(import.meta.dirname, "..", "..", "data", "postgres");
const isSet = ["COUNTERFOIL_STORAGE", "COUNTERFOIL_STORAGE_FILE"].some((name) => process.env[name] !== undefined);
await using postgres = isSet ? undefined : await startPostgres({ fsync: true, folder });
const storage = postgres === undefined ? {} : { COUNTERFOIL_STORAGE: postgres.url };
const child = spawn(command, rest, { env: { ...process.env, ...storage }, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
const [code] = (await once(child, "exit")) as [number | null];
process.exitCode = code ?? 1;
