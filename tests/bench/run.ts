import { bulkTable } from "./bulk.ts";
import { checksTable } from "./checks.ts";
import { commitTable } from "./commit.ts";
import { erasureTable } from "./erasure.ts";
import { pullTable } from "./pull.ts";
import { report, show, type Table } from "./results.ts";
import { IS_SHORT } from "./short.ts";
import { startUpTable } from "./start-up.ts";
import { tokenTable } from "./token.ts";

/**
 * `npm run bench [name...]`: all tables of the server, or those named; `vendor` names all that begin so. `BENCH_SHORT=1` tries whether they
 * run: a little of each, and nothing is kept.
 */
const tables: Record<string, () => Promise<Table>> = {
  pull: pullTable,
  commit: commitTable,
  "start-up": startUpTable,
  "vendor-token": tokenTable,
  "vendor-checks": checksTable,
  "vendor-erasure": erasureTable,
  "vendor-bulk": bulkTable,
};
const named = process.argv.slice(2);
const isNamed = (table: string, name: string): boolean => table === name || table.startsWith(`${name}-`);
const unknown = named.find((name) => !Object.keys(tables).some((table) => isNamed(table, name)));
if (unknown !== undefined) throw new Error(`no table "${unknown}": expected vendor, ${Object.keys(tables).join(", ")}`);
const done: Table[] = [];
for (const [table, make] of Object.entries(tables))
  if (named.length === 0 || named.some((name) => isNamed(table, name))) done.push(await make());
await (IS_SHORT ? show(done) : report(done));
