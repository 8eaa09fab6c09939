import { resolve } from "node:path";
import * as v from "valibot";
import { defineSink } from "./define-sink.ts";
import { fileTable } from "./file-table.ts";
import { flatMapping, type Mapping } from "./mapping.ts";
import type { Sink, Values } from "./sink.ts";

const Line = v.object({ key: v.string(), until: v.string(), values: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])) });
const UNTIL = "granted_until";

/**
 * A file of JSON lines `{key, until, values}`, a line for each person, rewritten atomically at each commit and readable by its owner
 * alone. @param options.map which values; one for each leaf unless told
 */
export function jsonlSink(path: string, { map = flatMapping }: { map?: Mapping } = {}): Sink {
  const format = (rows: ReadonlyMap<string, Values>): string =>
    [...rows].map(([key, { [UNTIL]: until = "", ...values }]) => `${JSON.stringify({ key, until, values })}\n`).join("");
  const parse = (text: string): Map<string, Values> =>
    new Map(
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const parsed = v.safeParse(Line, JSON.parse(line));
          if (!parsed.success) throw new SyntaxError("unknown line");
          return [parsed.output.key, { ...parsed.output.values, [UNTIL]: parsed.output.until }] as const;
        }),
    );
  return defineSink(
    fileTable(`jsonl:${resolve(path)}`, path, { parse, format }, (record) => ({ ...map.apply(record), [UNTIL]: record.consent.until })),
  );
}
