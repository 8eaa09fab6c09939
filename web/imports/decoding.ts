import { LIMITS } from "./limits.ts";
import { ImportRefusal } from "./refusal.ts";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

export interface Decoded {
  readonly text: string;
  readonly encoding: Encoding;
  /** Lines, from 1, with bytes that are none of the encoding's: they read as U+FFFD. */
  readonly broken: ReadonlySet<number>;
}

const starts = (bytes: Uint8Array, ...magic: number[]): boolean => magic.every((byte, at) => bytes[at] === byte);

/** Files that people take for a text. */
function otherThanText(bytes: Uint8Array): string | undefined {
  if (starts(bytes, 0x25, 0x50, 0x44, 0x46)) return "pdf";
  if (starts(bytes, 0xd0, 0xcf, 0x11, 0xe0)) return "spreadsheet";
  if (starts(bytes, 0xff, 0xd8, 0xff) || starts(bytes, 0x89, 0x50, 0x4e, 0x47)) return "picture";
  if (starts(bytes, 0x53, 0x51, 0x4c, 0x69, 0x74, 0x65)) return "database";
  return undefined;
}

/** The encoding's mark at the start, else what the bytes themselves say: every other one zero is UTF-16 of Latin letters. */
function encodingOf(bytes: Uint8Array): { encoding: Encoding | undefined; skip: number } {
  if (starts(bytes, 0xef, 0xbb, 0xbf)) return { encoding: "utf-8", skip: 3 };
  if (starts(bytes, 0xff, 0xfe)) return { encoding: "utf-16le", skip: 2 };
  if (starts(bytes, 0xfe, 0xff)) return { encoding: "utf-16be", skip: 2 };
  const head = bytes.subarray(0, 4096);
  const zeros = [0, 0];
  head.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (odd > head.length / 5 && even === 0) return { encoding: "utf-16le", skip: 0 };
  if (even > head.length / 5 && odd === 0) return { encoding: "utf-16be", skip: 0 };
  if (even + odd > 0) throw new ImportRefusal("not-text");
  return { encoding: undefined, skip: 0 };
}

const decode = (bytes: Uint8Array, encoding: Encoding, fatal: boolean): string =>
  new TextDecoder(encoding, { fatal, ignoreBOM: true }).decode(bytes);

/** What windows-1252 has where Latin-1 has controls, from 0x80; Node's decoder leaves the controls (nodejs/node 56542). */
const WINDOWS = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

export const decodeWindows = (bytes: Uint8Array): string =>
  new TextDecoder("windows-1252").decode(bytes).replace(/[\u0080-\u009f]/g, (control) => WINDOWS[control.charCodeAt(0) - 0x80] ?? control);

/** A text's lines, counted without splitting it. */
export function lineCount(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/**
 * @throws {ImportRefusal} if it is empty, too big, too long, or no text
 */
export function decodeText(bytes: Uint8Array): Decoded {
  if (bytes.length === 0) throw new ImportRefusal("empty");
  if (bytes.length > LIMITS.text) throw new ImportRefusal("too-big", bytes.length);
  const other = otherThanText(bytes);
  if (other !== undefined) throw new ImportRefusal("not-text", other);
  const { encoding, skip } = encodingOf(bytes);
  const decoded = decodeAs(bytes.subarray(skip), encoding);
  const lines = lineCount(decoded.text);
  if (lines > LIMITS.lines) throw new ImportRefusal("too-many-lines", lines);
  if (decoded.text.trim() === "") throw new ImportRefusal("empty");
  return decoded;
}

function decodeAs(bytes: Uint8Array, known: Encoding | undefined): Decoded {
  const encoding = known ?? "utf-8";
  try {
    return { text: decode(bytes, encoding, true), encoding, broken: new Set() };
  } catch {
    const lenient = decode(bytes, encoding, false);
    // Letters of UTF-8 among bytes that are none: it is UTF-8, torn. None at all: an older Windows program wrote it.
    if (known !== undefined || /[^\p{ASCII}\ufffd]/u.test(lenient)) return { text: lenient, encoding, broken: brokenLines(lenient) };
    return { text: decodeWindows(bytes), encoding: "windows-1252", broken: new Set() };
  }
}

function brokenLines(text: string): Set<number> {
  const broken = new Set<number>();
  let line = 1;
  let from = 0;
  for (let at = text.indexOf("\ufffd"); at !== -1; at = text.indexOf("\ufffd", at + 1)) {
    for (let end = text.indexOf("\n", from); end !== -1 && end < at; end = text.indexOf("\n", from)) {
      line += 1;
      from = end + 1;
    }
    broken.add(line);
  }
  return broken;
}
