/**
 * The contract orders keys by UTF-16 code unit; PostgreSQL's "C" orders UTF-8 by code point, and can hold neither NUL nor half of a
 * surrogate pair. So a code unit from the surrogates on is stored as the code point 0x800 above it, and the two lowest get a prefix:
 * every string has its text, in the same order, and a prefix stays one. What has none of these (all ASCII) is stored as it is.
 */
const PLAIN = /^[ -\ud7ff]*$/;
const SHIFT = 0x800;
const LOW = "\u0001";

export function stored(text: string): string {
  if (PLAIN.test(text)) return text;
  let result = "";
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 2) result += LOW + String.fromCharCode(unit + 1);
    else result += unit < 0xd800 ? text[at] : String.fromCodePoint(unit + SHIFT);
  }
  return result;
}

export function unstored(text: string): string {
  if (PLAIN.test(text)) return text;
  let result = "";
  let low = false;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    if (low) result += String.fromCharCode(point - 1);
    else if (character !== LOW) result += point < 0xd800 ? character : String.fromCharCode(point - SHIFT);
    low = !low && character === LOW;
  }
  return result;
}

/** What is stored of those behind `after` that begin with `prefix`: from `from` on, below `below`. */
export function storedRange(prefix: string, after: string | undefined): { from: string; below: string } {
  // Nothing lies between a text and itself with the lowest character.
  const from = after === undefined || after < prefix ? stored(prefix) : stored(after) + LOW;
  return { from, below: `${stored(prefix)}\u{10ffff}` };
}

/** An index holds at most a third of a page of 8 kB. @throws {TypeError} `what`: as "a key" */
export function storedWithin(text: string, most: number, what: string): string {
  const result = stored(text);
  if (result.length * 4 > most && Buffer.byteLength(result) > most) throw new TypeError(`${what} has at most ${most} bytes`);
  return result;
}
