import { canonical, fromUtf8, utf8 } from "../canonical.ts";
import { type ExportHeader, LONGEST_HEADER, readExportHeader } from "../export-header.ts";
import { EvidenceError } from "../jws.ts";
import { box, type Context, openBox } from "./box.ts";
import { hkdf, NO_SALT } from "./derive.ts";

/** Why a sealed export was refused. `part` counts the boxes of the file from 1. */
export class ExportError extends Error {
  override readonly name = "ExportError";
  readonly code: ExportFault;
  readonly part: number | undefined;
  constructor(code: ExportFault, message: string, part?: number) {
    super(message);
    this.code = code;
    this.part = part;
  }
}
/**
 * `foreign` another kind of file; `newer` a later version; `code` another code than this file's; `cut` its end is missing; `order` a part
 * is missing, repeated or moved; `mixed` a part of another export; `changed` bytes that were changed.
 */
export type ExportFault = "foreign" | "newer" | "code" | "cut" | "order" | "mixed" | "changed";

/** Bytes of plaintext in one box: enough to hide small values in, few enough to hold at once. */
const PART = 65_536;
/** Characters of the longest line that is read: a part whose only entry is a record of the largest size. */
const LONGEST_LINE = 4 * PART;

/** @param secret 16 bytes, as a kit's (kit-code.ts) */
const keyOf = (secret: Uint8Array): Promise<Uint8Array> => hkdf(secret, NO_SALT, "counterfoil/export/v1", 32);

const contextOf = ({ id, made }: ExportHeader, part: number, place: "more" | "last"): Context => ["export", id, made, part, place];

/**
 * A sealed export, line by line: the clear header, then boxes (box.ts), each over some lines of canonical JSON and bound to the header, to
 * its position and to whether it is the last. Never holds more than one part.
 * @param secret 16 bytes
 * @param entries JSON values
 * @param randomness 24 bytes for each part; fresh where it is left out
 */
export async function* sealExport(
  secret: Uint8Array,
  header: ExportHeader,
  entries: Iterable<unknown>,
  randomness: (part: number) => Uint8Array | undefined = () => undefined,
): AsyncGenerator<string, void, undefined> {
  const key = await keyOf(secret);
  let part = 1;
  let lines = "";
  let size = 0;
  const seal = async (place: "more" | "last"): Promise<string> =>
    `${await box(key, utf8(lines), contextOf(header, part, place), randomness(part) as Uint8Array<ArrayBuffer> | undefined)}\n`;
  yield `${canonical(header)}\n`;
  for (const entry of entries) {
    const line = `${canonical(entry)}\n`;
    const length = utf8(line).length;
    if (size > 0 && size + length > PART) {
      yield await seal("more");
      part += 1;
      lines = "";
      size = 0;
    }
    lines += line;
    size += length;
  }
  yield await seal("last");
}

/** The lines of a file, without their ends. @throws {ExportError} `foreign` */
export function* linesOf(file: Uint8Array): Generator<string, void, undefined> {
  let from = 0;
  while (from < file.length) {
    const found = file.subarray(from, from + (from === 0 ? LONGEST_HEADER : LONGEST_LINE)).indexOf(0x0a);
    const to = found < 0 ? file.length : from + found;
    if (to - from > (from === 0 ? LONGEST_HEADER : LONGEST_LINE))
      throw new ExportError(from === 0 ? "foreign" : "changed", "a line is longer than any of an export");
    let line: string;
    try {
      line = fromUtf8(file.subarray(from, to));
    } catch {
      throw new ExportError(from === 0 ? "foreign" : "changed", "a line is not UTF-8");
    }
    yield line;
    from = to + 1;
  }
}

/**
 * Opens a sealed export, entry by entry. What comes before a fault was in the file, but nothing may be kept of it unless all of it came.
 * @param secret 16 bytes
 * @throws {ExportError}
 */
export async function* openExport(secret: Uint8Array, file: Uint8Array): AsyncGenerator<unknown, void, undefined> {
  const lines = linesOf(file);
  const header = readExportHeader(lines.next().value ?? "");
  if (header === "foreign") throw new ExportError("foreign", "the first line is not an export's");
  if (header === "newer") throw new ExportError("newer", "the first line names a later version");
  const key = await keyOf(secret);
  let next = lines.next();
  if (next.done) throw new ExportError("cut", "there is nothing after the first line");
  for (let part = 1; !next.done; part++) {
    const boxed = next.value;
    next = lines.next();
    let contents: string;
    try {
      contents = fromUtf8(await openBox(key, boxed, contextOf(header, part, next.done ? "last" : "more")));
    } catch (error) {
      const [, ...boxes] = linesOf(file);
      throw await named(error, { key, header, boxes, part, torn: next.done === true && file.at(-1) !== 0x0a });
    }
    for (const line of contents.split("\n")) if (line !== "") yield entryOf(line, part);
  }
}

function entryOf(line: string, part: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ExportError("changed", `part ${part} holds something else than entries`, part);
  }
}

interface Fault {
  readonly key: Uint8Array;
  readonly header: ExportHeader;
  readonly boxes: readonly string[];
  readonly part: number;
  /** The last line has no end. */
  readonly torn: boolean;
}

/** What is wrong with a part that doesn't open in its place: whether it opens in another one. */
async function named(error: unknown, fault: Fault): Promise<ExportError> {
  const { key, header, boxes, part } = fault;
  const boxed = boxes[part - 1] ?? "";
  if (fault.torn) return new ExportError("cut", `the file ends inside part ${part}`, part);
  if (error instanceof EvidenceError && error.code === "commitment") {
    const other = boxes[part === 1 ? 1 : 0];
    const right = other !== undefined && (await placeOf(key, other, header, boxes.length)) !== undefined;
    return right
      ? new ExportError("mixed", `part ${part} is of another export, or its beginning was changed`, part)
      : new ExportError("code", "the code is another file's");
  }
  const place = await placeOf(key, boxed, header, boxes.length);
  if (place === undefined) return new ExportError("changed", `part ${part} was changed`, part);
  if (place.part !== part) return new ExportError("order", `part ${place.part} stands where part ${part} belongs`, part);
  return place.last
    ? new ExportError("order", `there is something after the last part, ${part}`, part)
    : new ExportError("cut", `the file ends after part ${part}, which is not the last`, part);
}

/** Parts of a larger export than any store gives: a file of a million short lines is not searched to its end. */
const MOST_TRIED = 8192;

/** Where a box belongs; more than its neighbours is looked at, since parts may be missing. */
async function placeOf(
  key: Uint8Array,
  boxed: string,
  header: ExportHeader,
  parts: number,
): Promise<{ part: number; last: boolean } | undefined> {
  for (let part = 1; part <= Math.min(2 * parts + 1, MOST_TRIED); part++)
    for (const place of ["more", "last"] as const) {
      try {
        await openBox(key, boxed, contextOf(header, part, place));
        return { part, last: place === "last" };
      } catch (error) {
        if (error instanceof EvidenceError && error.code !== "context") return undefined;
      }
    }
  return undefined;
}
