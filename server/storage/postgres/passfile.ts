import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

interface Wanted {
  host: string;
  port: number;
  database: string;
  user: string;
}

/**
 * The password that a libpq password file has for this connection (https://www.postgresql.org/docs/current/libpq-pgpass.html). As there,
 * a file that others may read is passed over.
 */
export async function passwordFromFile(
  { host, port, database, user }: Wanted,
  path: string = join(homedir(), ".pgpass"),
): Promise<string | undefined> {
  const mode = (await stat(path).catch(() => undefined))?.mode;
  if (mode === undefined || (mode & 0o077) !== 0) return undefined;
  const wanted = [host.startsWith("/") ? "localhost" : host, String(port), database, user];
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    if (line.startsWith("#")) continue;
    const fields = line.match(/(?:\\.|[^:\\])+|(?<=^|:)(?=:|$)/g)?.map((field) => field.replace(/\\(.)/g, "$1")) ?? [];
    if (fields.length === 5 && wanted.every((each, at) => fields[at] === "*" || fields[at] === each)) return fields[4];
  }
  return undefined;
}
