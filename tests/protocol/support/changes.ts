import fc from "fast-check";
import { expect } from "vitest";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** `text` with one bit of the base64url character at `at` flipped; a dot becomes a character. */
export function flip(text: string, at: number, bit: number): string {
  const value = ALPHABET.indexOf(text[at] as string);
  return text.slice(0, at) + (value < 0 ? "A" : ALPHABET[value ^ (1 << bit)]) + text.slice(at + 1);
}

/**
 * Every character with one of its bits flipped, all six bits of the last two characters of each segment (where the spare bits are),
 * and what is cut off, added, doubled or spaced.
 */
export function changesOf(text: string): string[] {
  const changes = new Set<string>();
  for (let at = 0; at < text.length; at++) {
    const nearEnd = at + 2 >= text.length || text[at + 1] === "." || text[at + 2] === ".";
    for (const bit of nearEnd ? [0, 1, 2, 3, 4, 5] : [at % 6]) changes.add(flip(text, at, bit));
  }
  for (const whole of [`${text}=`, `${text}A`, ` ${text}`, `${text}\n`, `${text}.`, text.slice(1), text.slice(0, -1), `${text}${text}`, ""])
    changes.add(whole);
  changes.add(`${text.slice(0, 40)} ${text.slice(40)}`).add(`${text.slice(0, 40)}\n${text.slice(40)}`);
  changes.delete(text);
  return [...changes];
}

/** What somebody can act on: more than a word. */
const SENTENCE = /\w \w/;

/** An EvidenceError that says why, of one of these codes or of any. */
export const evidence = (...codes: string[]): unknown =>
  expect.objectContaining({
    name: "EvidenceError",
    message: expect.stringMatching(SENTENCE),
    ...(codes.length === 0 ? {} : { code: expect.stringMatching(`^(${codes.join("|")})$`) }),
  });

/** What `open` makes of a text: `opened`, the code of an EvidenceError, or `threw` and the name of any other error. */
export const outcomeOf = (open: (text: string) => Promise<unknown>, text: string): Promise<string> =>
  open(text).then(
    () => "opened",
    (error) => (error.name === "EvidenceError" && SENTENCE.test(error.message) ? error.code : `threw ${error.name}: ${error.message}`),
  );

/** Any text: printable, control characters, lone surrogates, whatever a 16-bit unit can be. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary-ascii" }),
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);
