import Papa from "papaparse";
import { FIRST_COLUMN, readCell } from "../leaving/csv.ts";
import { clean } from "./clean.ts";
import { LIMITS } from "./limits.ts";
import type { Fault } from "./place.ts";
import { ImportRefusal } from "./refusal.ts";

export interface Row {
  readonly file: string;
  /** Where it begins; a quoted cell may go over several lines. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Lines with another number of cells than the header, and a quote that never ends. */
  readonly faults: readonly Fault[];
}

const DELIMITERS = [",", ";", "\t", "|"] as const;
const HEAD = 60;

interface Line {
  readonly line: number;
  readonly cells: string[];
  readonly torn: boolean;
}

/** The lines of a text as cells, by papaparse, with the line that each begins on. */
function linesOf(text: string, delimiter: string, preview: number, onRead?: (done: number) => void): Line[] {
  const lines: Line[] = [];
  let from = 0;
  let line = 1;
  Papa.parse<string[]>(text, {
    delimiter,
    preview,
    skipEmptyLines: false,
    step: ({ data, errors, meta }) => {
      lines.push({ line, cells: data, torn: errors.some(({ code }) => code === "MissingQuotes") });
      for (let at = nextLine(text, from); at !== -1 && at <= meta.cursor; at = nextLine(text, at)) line += 1;
      from = meta.cursor;
      if (lines.length % 5000 === 0) onRead?.(meta.cursor);
    },
  });
  return lines;
}

/** Just behind the next line break: LF, CR LF, or the lone CR of old Macs. */
function nextLine(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === 10) return at + 1;
    if (sign === 13) return text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1;
  }
  return -1;
}

/** How many cells most lines have, and how many lines those are. */
function usual(lines: readonly Line[]): { cells: number; lines: number } {
  const counts = new Map<number, number>();
  for (const { cells } of lines) if (cells.length > 1) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  return (
    [...counts].map(([cells, count]) => ({ cells, lines: count })).sort((a, b) => b.lines - a.lines || b.cells - a.cells)[0] ?? {
      cells: 0,
      lines: 0,
    }
  );
}

/** The separator that cuts most lines into the same number of cells. Excel may name it on a line of its own. */
function delimiterOf(text: string): string | undefined {
  const named = /^sep=(.)\r?\n/i.exec(text)?.[1];
  if (named !== undefined) return named;
  const told = DELIMITERS.map((delimiter) => ({ delimiter, ...usual(linesOf(text, delimiter, HEAD)) }));
  const best = told.sort((a, b) => b.lines * Math.min(b.cells, 6) - a.lines * Math.min(a.cells, 6))[0];
  return best !== undefined && best.lines > 0 ? best.delimiter : undefined;
}

/** A header has names, no sums and no days. */
const isNames = (cells: readonly string[]): boolean => {
  const filled = cells.filter((cell) => cell.trim() !== "");
  return filled.length > 0 && filled.every((cell) => !/^[-+'€$£\s]*\d[\d.,:/\s'-]*[€$£%]?$/.test(cell.trim()));
};

/**
 * A text of separated values: RFC 4180 and what programs make of it. What stands above the header, as banks write it, is skipped. A line
 * with another number of cells is named and left out: nothing shifts.
 * @param isHeader whether these names are a known export's
 * @throws {ImportRefusal} if no line has two cells, or there are too many columns
 */
export function readTable(
  text: string,
  file: string,
  isHeader: (cells: readonly string[]) => boolean,
  onRead?: (done: number) => void,
): Table {
  const delimiter = delimiterOf(text);
  if (delimiter === undefined) throw new ImportRefusal("no-table");
  const lines = linesOf(text, delimiter, 0, onRead).filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
  const head = lines.slice(0, HEAD);
  const known = head.findIndex(({ cells }) => isHeader(cells));
  const { cells: most } = usual(head);
  const at =
    known !== -1
      ? known
      : Math.max(
          0,
          head.findIndex(({ cells }) => withoutTail(cells, most) !== undefined),
        );
  const first = lines[at];
  if (first === undefined) throw new ImportRefusal("no-table");
  if (first.cells.length > LIMITS.columns) throw new ImportRefusal("no-table");
  const named = known !== -1 || isNames(first.cells);
  const width = named ? lastNamed(first.cells) : first.cells.length;
  const columns = Array.from({ length: width }, (_, each) => (named ? clean(first.cells[each] ?? "") : "") || letter(each));
  const ours = named && columns[0] === FIRST_COLUMN;
  const faults: Fault[] = [];
  const rows: Row[] = [];
  for (const each of lines.slice(named ? at + 1 : at)) {
    const cells = withoutTail(each.cells, width);
    if (each.torn) faults.push({ place: { file, line: each.line }, code: "torn-quote" });
    else if (cells === undefined) faults.push({ place: { file, line: each.line }, code: "cells", expected: width, got: each.cells.length });
    else rows.push({ file, line: each.line, cells: ours ? cells.map(readCell) : cells });
  }
  return { columns, rows, faults };
}

const lastNamed = (cells: readonly string[]): number => {
  const at = cells.findLastIndex((cell) => cell.trim() !== "");
  return at + 1;
};

/** Some programs end each line with a separator: what is beyond the last column has to be empty. */
function withoutTail(cells: readonly string[], width: number): readonly string[] | undefined {
  if (cells.length === width) return cells;
  return cells.length > width && cells.slice(width).every((cell) => cell.trim() === "") ? cells.slice(0, width) : undefined;
}

/** A column without a name is called as in a spreadsheet. */
const letter = (at: number): string => (at < 26 ? "" : letter(Math.floor(at / 26) - 1)) + String.fromCharCode(65 + (at % 26));
