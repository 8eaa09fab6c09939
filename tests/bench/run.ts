import { bulkTable } from "./bulk.ts";
import { bulkPullTable, changesTable } from "./changes.ts";
import { checksTable } from "./checks.ts";
import { commitTable } from "./commit.ts";
import { erasureTable } from "./erasure.ts";
import { GROWTH, growthTable } from "./growth.ts";
import { openingTable } from "./opening.ts";
import { linesOf, plot } from "./plot.ts";
import { processesTable } from "./processes.ts";
import { pullTable } from "./pull.ts";
import { report, show, type Table } from "./results.ts";
import { IS_SHORT } from "./short.ts";
import { startUpTable } from "./start-up.ts";
import { storeSizeTable } from "./store-size.ts";
import { tokenTable } from "./token.ts";

/**
 * `npm run bench [name...]`: all tables of the server, or those named; `vendor` and `scale` name all that begin so. `BENCH_SHORT=1` tries whether they
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
  "scale-store": storeSizeTable,
  "scale-bulk": bulkPullTable,
  "scale-opening": openingTable,
  "scale-changes": changesTable,
  "scale-growth-embedded": growthTable("embedded"),
  "scale-growth-postgres": growthTable("postgres"),
  "scale-processes": processesTable,
};
const named = process.argv.slice(2);
const isNamed = (table: string, name: string): boolean => table === name || table.startsWith(`${name}-`);
const unknown = named.find((name) => !Object.keys(tables).some((table) => isNamed(table, name)));
if (unknown !== undefined) throw new Error(`no table "${unknown}": expected vendor, scale, ${Object.keys(tables).join(", ")}`);
const done: Table[] = [];
for (const [table, make] of Object.entries(tables))
  if (named.length === 0 || named.some((name) => isNamed(table, name))) done.push(await make());
if (IS_SHORT) await show(done);
else {
  const titles: readonly string[] = Object.values(GROWTH);
  const grown = (await report(done)).filter(({ title }) => titles.includes(title));
  if (grown.length > 0)
    await plot(new URL("growth.svg", import.meta.url), "CPU of one pull of ten records, by stores on the server", {
      x: "stores",
      y: "CPU µs",
      lines: grown.flatMap((table) => linesOf(table, "pull CPU µs")),
    });
}
