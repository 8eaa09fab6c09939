import fc from "fast-check";
import { expect, it } from "vitest";
import { kitCode, makeKitSecret, readKitCode } from "#protocol/sealing/kit-code.ts";
import { kitKeys } from "#protocol/sealing/way-in.ts";
import { anyText } from "./support/changes.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const secret = fc.uint8Array({ minLength: 16, maxLength: 16 });

it("a code reads back, however it is typed", () =>
  fc.assert(
    fc.asyncProperty(secret, fc.constantFrom("", " ", "-", " - ", "\n"), fc.boolean(), async (bytes, between, lower) => {
      const code = await kitCode(bytes);
      expect(code).toHaveLength(8);
      expect(code.join("")).toMatch(/^[A-Z2-7]{32}$/);
      const typed = code.join(between);
      expect(await readKitCode(lower ? typed.toLowerCase() : typed)).toEqual(Uint8Array.from(bytes));
      // What people read into the letters.
      expect(await readKitCode(typed.replaceAll("O", "0").replaceAll("I", "1").replaceAll("B", "8"))).toEqual(Uint8Array.from(bytes));
    }),
  ));

it("any one wrong character is refused", async () => {
  const code = (await kitCode(makeKitSecret())).join("");
  const read: string[] = [];
  for (let at = 0; at < code.length; at++)
    for (const letter of ALPHABET) {
      const typed = code.slice(0, at) + letter + code.slice(at + 1);
      if (typed !== code && (await readKitCode(typed)) !== undefined) read.push(typed);
    }
  expect(read).toEqual([]);
});

it("any two neighbours swapped, any character missing, doubled or too many, and any two groups swapped are refused", () =>
  fc.assert(
    fc.asyncProperty(secret, async (bytes) => {
      const groups = await kitCode(bytes);
      const code = groups.join("");
      const typos: string[] = [`${code}A`, `A${code}`, ""];
      for (let at = 0; at < code.length; at++) {
        typos.push(code.slice(0, at) + code.slice(at + 1), code.slice(0, at) + code[at] + code.slice(at));
        typos.push(code.slice(0, at) + (code[at + 1] ?? "") + code[at] + code.slice(at + 2));
      }
      for (let at = 0; at < 7; at++) typos.push(groups.toSpliced(at, 2, groups[at + 1] as string, groups[at] as string).join(""));
      for (const typed of typos) if (typed !== code) expect(await readKitCode(typed)).toBeUndefined();
    }),
    { numRuns: 10 },
  ));

it("anything else that is typed is no code", () =>
  fc.assert(
    fc.asyncProperty(anyText, async (typed) => {
      expect(await readKitCode(typed)).toBeUndefined();
    }),
  ));

it("what a kit gives away says nothing of what it keeps: locator, way-in secret and signing key differ, for every kit", async () => {
  const kits = await Promise.all([makeKitSecret(), makeKitSecret()].map(kitKeys));
  const values = kits.flatMap((each) => [each.locator, Buffer.from(each.secret).toString("base64url"), each.sign.d, each.sign.x]);
  expect(new Set(values).size).toBe(8);
});
