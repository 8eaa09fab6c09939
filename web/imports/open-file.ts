import { LONGEST_HEADER, readExportHeader } from "#protocol/export-header.ts";
import { type Entry, entriesOf, isArchive, unpack } from "./archive.ts";
import type { Candidate } from "./candidate.ts";
import { clean } from "./clean.ts";
import { candidatesOf, type Person } from "./contact.ts";
import { type Decoded, decodeText, type Encoding, lineCount } from "./decoding.ts";
import { type Known, markDoubts } from "./duplicates.ts";
import { guessMapping, readingOf } from "./guess.ts";
import { readJsContact } from "./jscontact.ts";
import { LIMITS } from "./limits.ts";
import type { Mapping } from "./mapping.ts";
import type { Fault } from "./place.ts";
import { isPlainExport, readPlainExport } from "./plain-export.ts";
import { PRESETS, type Preset, presetOf } from "./presets.ts";
import { type LeftOut, purchasesOf } from "./purchases.ts";
import { ImportRefusal } from "./refusal.ts";
import { type Row, readTable, type Table } from "./table.ts";
import { readVCards } from "./vcard.ts";

/** Which reader read it: kept with the import. */
export type Format = "vcard" | "jscontact" | "csv" | "counterfoil" | Preset["id"];

/** What a file is, and what has to be asked about it. Goes from the worker to the page. */
export type Found = {
  readonly file: string;
  readonly format: Format;
  readonly encoding: Encoding;
} & (
  | { readonly shape: "people"; readonly people: readonly PersonLine[] }
  | {
      readonly shape: "table";
      readonly columns: readonly string[];
      /** The first lines. */
      readonly sample: ReadonlyArray<readonly string[]>;
      readonly rows: number;
      readonly mapping: Mapping;
      readonly known: boolean;
    }
  | { readonly shape: "records"; readonly count: number }
  | { readonly shape: "files"; readonly files: readonly string[] }
);

export interface PersonLine {
  readonly name: string;
  /** An e-mail or number, to tell two of one name apart. */
  readonly about: string;
  readonly details: number;
}

export interface Choices {
  /** Which of the people is the customer. */
  readonly person?: number | undefined;
  readonly mapping?: Mapping | undefined;
  /** Cut texts that are too long for a store. */
  readonly shorten?: boolean | undefined;
  /** ISO 3166-1 alpha-2, for addresses that name no country. */
  readonly country?: string | undefined;
}

export interface Around {
  /** The day, where the customer is: `2026-11-22`. */
  readonly today: string;
  readonly known: readonly Known[];
}

/** What a file would bring. */
export interface Preview {
  readonly candidates: readonly Candidate[];
  readonly faults: readonly Fault[];
  /** What isn't a fault and isn't brought. */
  readonly left: Readonly<Partial<Record<LeftOut | "stays", number>>>;
  /** Properties that a store has no place for. */
  readonly unplaced: readonly string[];
}

export interface OpenedFile {
  readonly found: Found;
  /** Reads it as its customer says. Undefined while something has to be asked first. */
  prepare(choices: Choices, around: Around): Preview | undefined;
  /** How a table's days and sums read once other columns are chosen. */
  reading(columns: Mapping["columns"]): Pick<Mapping, "dates" | "decimal" | "meaning"> | undefined;
}

export interface Opening {
  readonly today: string;
  /** Which file of an archive, where several could be meant. */
  readonly entry?: string | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const SAMPLE = 5;

/** As an import keeps it (data/private.ts): the end says more than the folders before it. */
const nameOf = (name: string): string => clean(name).slice(-300).toWellFormed() || "?";

/**
 * Reads a file as far as it can be told what it is. Pure: no clock, no page, no network.
 * @throws {ImportRefusal} if nothing of it can be read
 */
export function openFile(bytes: Uint8Array, name: string, opening: Opening): OpenedFile {
  const file = nameOf(name);
  const [line = ""] = new TextDecoder().decode(bytes.subarray(0, LONGEST_HEADER)).split("\n", 1);
  const sealed = readExportHeader(line);
  if (sealed !== "foreign") throw new ImportRefusal(sealed === "newer" ? "older-app" : "sealed");
  if (isArchive(bytes)) return openArchive(bytes, file, opening);
  return openText(decodeText(bytes), file, opening);
}

function openArchive(bytes: Uint8Array, file: string, opening: Opening): OpenedFile {
  const entries = entriesOf(bytes);
  if (entries.some((entry) => /^(xl\/workbook\.xml|content\.xml|Index\/Document\.iwa)$/.test(entry.name)))
    throw new ImportRefusal("not-text", "spreadsheet");
  if (opening.entry !== undefined)
    return openEntries(
      bytes,
      file,
      entries.filter((entry) => nameOf(entry.name) === opening.entry),
      opening,
    );
  for (const { file: pattern } of PRESETS) {
    const those = pattern === undefined ? [] : entries.filter((entry) => pattern.test(entry.name));
    if (those.length > 0) return openEntries(bytes, file, those, opening);
  }
  const own = entries.find((entry) => /(^|\/)(counterfoil|store|export)[^/]*\.json$/i.test(entry.name));
  if (own) return openEntries(bytes, file, [own], opening);
  const readable = entries.filter(
    (entry) => /\.(csv|tsv|txt|vcf|vcard|json)$/i.test(entry.name) && !/(^|\/)(__MACOSX\/|\.)/.test(entry.name),
  );
  if (readable.length === 0) throw new ImportRefusal("zip-nothing");
  if (readable.length === 1) return openEntries(bytes, file, readable, opening);
  const found: Found = { file, format: "csv", encoding: "utf-8", shape: "files", files: readable.map((entry) => nameOf(entry.name)) };
  return { found, prepare: () => undefined, reading: () => undefined };
}

/** Several parts of one export, as `Retail.OrderHistory.1.csv` and `.2.csv`, are read as one table. */
function openEntries(bytes: Uint8Array, file: string, entries: readonly Entry[], opening: Opening): OpenedFile {
  const [first, ...more] = entries;
  if (first === undefined) throw new ImportRefusal("zip-nothing");
  const unpacked = (entry: Entry): Uint8Array => {
    const inner = unpack(bytes, entry);
    if (isArchive(inner)) throw new ImportRefusal("zip-nothing");
    return inner;
  };
  if (more.length === 0) return openText(decodeText(unpacked(first)), nameOf(`${file}/${first.name}`), opening);
  // The parts together are one text: an archive may name the same bytes as twenty thousand files.
  let size = 0;
  let lines = 0;
  const texts = entries.map((entry) => {
    const inner = unpacked(entry);
    size += inner.length;
    if (size > LIMITS.text) throw new ImportRefusal("too-big", size);
    const text = decodeText(inner);
    lines += lineCount(text.text);
    if (lines > LIMITS.lines) throw new ImportRefusal("too-many-lines", lines);
    return { text, name: nameOf(`${file}/${entry.name}`) };
  });
  return openTables(texts, file, opening);
}

function openText(decoded: Decoded, file: string, opening: Opening): OpenedFile {
  const { text, encoding } = decoded;
  const start = text.slice(0, 4000).trimStart();
  if (/^BEGIN:VCARD/im.test(start)) {
    const { people, faults } = readVCards(text, file, decoded.broken);
    return openPeople(people, faults, { file, format: "vcard", encoding });
  }
  if (/^[[{]/.test(start)) return openJson(decoded, file);
  if (/^<(!doctype|html|\?xml)/i.test(start)) throw new ImportRefusal("not-text", "page");
  if (/^BEGIN:/i.test(start)) throw new ImportRefusal("unknown");
  return openTables([{ text: decoded, name: file }], file, opening);
}

function openJson({ text, encoding, broken }: Decoded, file: string): OpenedFile {
  const [torn] = broken;
  if (torn !== undefined) throw new ImportRefusal("json-broken", torn);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (fault) {
    throw new ImportRefusal("json-broken", lineOfFault(text, fault));
  }
  if (isPlainExport(json)) {
    const own = json;
    return {
      found: { file, format: "counterfoil", encoding, shape: "records", count: own.records.length },
      prepare: ({ shorten }, { known }) => {
        const { candidates, faults, stays } = readPlainExport(own, file, shorten ?? false);
        return { candidates: markDoubts(candidates, known), faults, left: { stays }, unplaced: [] };
      },
      reading: () => undefined,
    };
  }
  const people = readJsContact(json, file);
  if (people === undefined) throw new ImportRefusal("json-unknown");
  return openPeople(people, [], { file, format: "jscontact", encoding });
}

/** The line that the parser names, by its own words or by a position. */
function lineOfFault(text: string, fault: unknown): number {
  const message = fault instanceof Error ? fault.message : "";
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const at = /position (\d+)/.exec(message)?.[1];
  return text.slice(0, at === undefined ? text.length : Number(at)).split("\n").length;
}

function openPeople(people: readonly Person[], faults: readonly Fault[], told: Pick<Found, "file" | "format" | "encoding">): OpenedFile {
  const lines = people.map((person) => {
    const reached = person.details.find(({ kind }) => kind === "email") ?? person.details.find(({ kind }) => kind === "phone");
    const about = reached?.kind === "email" ? reached.address : reached?.kind === "phone" ? reached.number : "";
    return { name: person.name, about: clean(about), details: person.details.length };
  });
  return {
    found: { ...told, shape: "people", people: lines },
    prepare: ({ person, shorten, country }, { today, known }) => {
      const chosen = people.length === 1 ? people[0] : people[person ?? -1];
      if (chosen === undefined) return undefined;
      const made = candidatesOf(chosen, { shorten, country, today });
      return { candidates: markDoubts(made.candidates, known), faults: [...faults, ...made.faults], left: {}, unplaced: chosen.unplaced };
    },
    reading: () => undefined,
  };
}

function openTables(texts: ReadonlyArray<{ text: Decoded; name: string }>, file: string, opening: Opening): OpenedFile {
  const total = texts.reduce((sum, { text }) => sum + text.text.length, 0);
  let before = 0;
  const tables = texts.map(({ text, name }) => {
    const read = readTable(
      text.text,
      name,
      (cells) => presetOf(cells) !== undefined,
      (done) => opening.onProgress?.(before + done, total),
    );
    before += text.text.length;
    return read;
  });
  const table = joined(tables);
  const breaks = new Map(texts.map(({ text, name }) => [name, text.broken]));
  const broken = ({ file: at, line }: Row): boolean => breaks.get(at)?.has(line) ?? false;
  if (table.rows.length === 0 && table.faults.length === 0) throw new ImportRefusal("no-table");
  const preset: Preset | undefined = presetOf(table.columns);
  const mapping = guessMapping(table, preset, opening.today);
  return {
    found: {
      file,
      format: preset?.id ?? "csv",
      encoding: texts[0]?.text.encoding ?? "utf-8",
      shape: "table",
      columns: table.columns,
      sample: table.rows.slice(0, SAMPLE).map(({ cells }) => cells.map((cell) => clean(cell).slice(0, 200))),
      rows: table.rows.length,
      mapping,
      known: preset !== undefined,
    },
    prepare: (choices, { today, known }) => {
      const chosen = choices.mapping ?? mapping;
      const { item, date } = chosen.columns;
      if (item === undefined || date === undefined || chosen.dates === undefined) return undefined;
      const own = known.find(({ kind, value }) => kind === "profile/name" && value !== null)?.value as
        | { given: string; surname?: string }
        | undefined;
      const made = purchasesOf(table, broken, { mapping: chosen, shorten: choices.shorten, today, own }, (done) =>
        opening.onProgress?.(done, table.rows.length),
      );
      return { ...made, candidates: markDoubts(made.candidates, known, linesIn(table.rows)), unplaced: [] };
    },
    reading: (columns) => readingOf(table, columns),
  };
}

/** What a candidate's line says in every cell: those of two parcels of one order differ in one of them. */
function linesIn(rows: readonly Row[]): (candidate: Candidate) => string {
  const texts = new Map(rows.map(({ file, line, cells }) => [`${line} ${file}`, cells]));
  return ({ place }) => (texts.get(`${place.line} ${place.file}`) ?? []).join("\u0000");
}

function joined(tables: readonly Table[]): Table {
  const [first, ...more] = tables;
  if (first === undefined) throw new ImportRefusal("no-table");
  const alike = [first, ...more.filter(({ columns }) => columns.join("\n") === first.columns.join("\n"))];
  return { columns: first.columns, rows: alike.flatMap(({ rows }) => rows), faults: alike.flatMap(({ faults }) => faults) };
}
