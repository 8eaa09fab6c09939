import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";

/** One measured line: a name, and figures by column. */
export interface Row {
  name: string;
  figures: Record<string, number>;
}
export interface Table {
  title: string;
  note: string;
  rows: Row[];
}

const FILE = new URL("results.json", import.meta.url);
const PAGE = new URL("results.md", import.meta.url);

const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Prints the tables, and keeps them beside the last run's figures. Tables that did not run are kept as they were. Answers all. */
export async function report(tables: readonly Table[]): Promise<Table[]> {
  const last: Table[] = existsSync(FILE) ? JSON.parse(await readFile(FILE, "utf8")).tables : [];
  const kept = last.filter((each) => !tables.some((table) => table.title === each.title));
  await writeFile(FILE, `${JSON.stringify({ tables: [...kept, ...tables] }, null, 2)}\n`);
  await writeFile(PAGE, pageOf([...kept, ...tables], last));
  process.stdout.write(pageOf(tables, last));
  return [...kept, ...tables];
}

/** Prints the tables and keeps nothing. */
export async function show(tables: readonly Table[]): Promise<void> {
  process.stdout.write(pageOf(tables, []));
}

function pageOf(tables: readonly Table[], last: readonly Table[]): string {
  const lines = [
    "# Measured",
    "",
    `${cpus()[0]?.model ?? "CPU"}, ${cpus().length} cores, Linux ${release()}, Node ${process.version}. In brackets: the run before.`,
    "",
  ];
  for (const table of tables) {
    const columns = [...new Set(table.rows.flatMap((row) => Object.keys(row.figures)))];
    lines.push(`## ${table.title}`, "", table.note, "", `| | ${columns.join(" | ")} |`, `|---|${columns.map(() => "---:").join("|")}|`);
    const before = last.find((each) => each.title === table.title && each !== table);
    for (const row of table.rows) {
      const old = before?.rows.find((each) => each.name === row.name)?.figures ?? {};
      const cells = columns.map((column) => {
        const now = row.figures[column];
        const then = old[column];
        return now === undefined ? "" : `${short(now)}${then === undefined ? "" : ` (${short(then)})`}`;
      });
      lines.push(`| ${row.name} | ${cells.join(" | ")} |`);
    }
    lines.push("");
  }
  return `${lines.join("\n")}\n`;
}
