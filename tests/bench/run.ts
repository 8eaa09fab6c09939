import { commitTable } from "./commit.ts";
import { pullTable } from "./pull.ts";
import { report, type Table } from "./results.ts";
import { startUpTable } from "./start-up.ts";

/** `npm run bench [name...]`: all tables of the server, or those named. */
const tables: Record<string, () => Promise<Table>> = {
  pull: pullTable,
  commit: commitTable,
  "start-up": startUpTable,
};
const named = process.argv.slice(2);
const unknown = named.find((name) => !(name in tables));
if (unknown !== undefined) throw new Error(`no table "${unknown}": expected ${Object.keys(tables).join(", ")}`);
const done: Table[] = [];
for (const [name, make] of Object.entries(tables)) if (named.length === 0 || named.includes(name)) done.push(await make());
await report(done);
