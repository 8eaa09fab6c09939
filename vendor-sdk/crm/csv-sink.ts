import { resolve } from "node:path";
import { formatCsv, parseCsv } from "./csv.ts";
import { defineSink } from "./define-sink.ts";
import { fileTable } from "./file-table.ts";
import { flatMapping, type Mapping } from "./mapping.ts";
import type { Sink, Values } from "./sink.ts";

const KEY = "counterfoil_key";
const UNTIL = "granted_until";

/**
 * A CSV file (RFC 4180, UTF-8, CRLF), a row for each person, rewritten atomically at each commit and readable by its owner alone. No
 * cell runs as a formula in a spreadsheet. @param options.map which columns; one for each leaf unless told
 */
export function csvSink(path: string, { map = flatMapping }: { map?: Mapping } = {}): Sink {
  const format = (rows: ReadonlyMap<string, Values>): string => {
    const columns = [...new Set([UNTIL, ...(map.columns ?? []), ...[...rows.values()].flatMap(Object.keys).sort()])];
    const lines = [...rows].map(([key, values]) => [
      key,
      ...columns.map((column) => (Object.hasOwn(values, column) ? String(values[column]) : "")),
    ]);
    return formatCsv([[KEY, ...columns], ...lines]);
  };
  const parse = (text: string): Map<string, Values> => {
    const [header = [], ...lines] = parseCsv(text);
    if (header[0] !== KEY) throw new SyntaxError("unknown header");
    return new Map(
      lines.map(([key = "", ...cells]) => [
        key,
        Object.fromEntries(cells.map((text, at) => [header[at + 1] ?? "", text] as const).filter(([, text]) => text !== "")),
      ]),
    );
  };
  // A cell is text, and an empty one is no value: so the row is compared as what the file can say.
  const toTarget = (record: Parameters<Mapping["apply"]>[0]): Values =>
    Object.fromEntries(
      Object.entries({ [UNTIL]: record.consent.until, ...map.apply(record) })
        .map(([column, value]) => [column, String(value)] as const)
        .filter(([, text]) => text !== ""),
    );
  return defineSink(fileTable(`csv:${resolve(path)}`, path, { parse, format }, toTarget));
}
