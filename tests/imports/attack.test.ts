import { strToU8, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { parseAmount } from "../../web/imports/amount.ts";
import { clean } from "../../web/imports/clean.ts";
import { openFile } from "../../web/imports/open-file.ts";
import { readVCards } from "../../web/imports/vcard.ts";
import { previewOf, read, refusalOf } from "./fixture.ts";

const MANY = 200_000;
const today = "2026-11-22";
const card = (lines: string) => readVCards(`BEGIN:VCARD\nVERSION:2.1\n${lines}\nN:Doe;Jo\nEND:VCARD`, "a.vcf", new Set());

/** What the archive's directory says of one of its files, said again under other names. */
function repeated(name: (at: number) => string, text: string, times: number): Uint8Array {
  const one = zipSync({ [name(1)]: strToU8(text) });
  const view = new DataView(one.buffer, one.byteOffset);
  const at = view.getUint32(one.length - 6, true);
  const entry = one.slice(at, one.length - 22);
  const entries = Array.from({ length: times }, (_, each) => {
    const copy = entry.slice();
    copy.set(strToU8(name(each + 1)), 46);
    return copy;
  });
  const end = one.slice(one.length - 22);
  new DataView(end.buffer).setUint16(8, times, true);
  new DataView(end.buffer).setUint16(10, times, true);
  const all = new Uint8Array(at + entry.length * times + 22);
  all.set(one.subarray(0, at));
  for (const [each, copy] of entries.entries()) all.set(copy, at + each * entry.length);
  all.set(end, at + entry.length * times);
  return all;
}

describe("a file made to harm", { timeout: 20_000 }, () => {
  test.each([
    ["joiners", () => clean(`é${"\u200d".repeat(MANY)}é`)],
    ["tags", () => clean(`x${"\u{e0061}".repeat(MANY)}`)],
    ["a flag of tags", () => clean(`\u{1f3f4}${"\u{e0061}".repeat(MANY)}`)],
    ["apostrophes for a sum", () => parseAmount("'".repeat(MANY), ".")],
    ["encodings in one property", () => card(`TEL${";QUOTED-PRINTABLE".repeat(MANY)}`)],
    ["a label that never ends", () => card(`TEL;X-CUSTOM(${"a".repeat(MANY)}:1`)],
    [
      "lines of one order",
      () =>
        previewOf(
          `date,item,shop,price,note\n${Array.from({ length: MANY / 4 }, (_, at) => `2026-01-01,Book,Aldina,€1.00,${at}\n`).join("")}`,
        ),
    ],
    ["lines that say the same", () => previewOf(`date,item,shop,price\n${"2026-01-01,Book,Aldina,€1.00\n".repeat(MANY / 2)}`)],
    ["properties of one group", () => card("item1.X-A:b\n".repeat(MANY / 4))],
  ])("takes time in proportion to its length: %s", (_, work) => {
    // Of this process alone: how busy the machine is says nothing.
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(5000);
  });

  test("the same bytes under twenty names are refused, not unpacked into memory twenty times", () => {
    const lines = "a,b,c,d,e,f\n".repeat(15_000);
    const zip = repeated((at) => `Retail.OrderHistory.${String(at).padStart(3, "0")}.csv`, lines, 20);
    expect(refusalOf(() => openFile(zip, "all.zip", { today }))?.code).toBe("too-many-lines");
    const word = (at: number): string => Math.imul(at, 2654435761).toString(36);
    const wide = Array.from(
      { length: 100 },
      (_, line) => `${Array.from({ length: 3000 }, (_, at) => word(line * 3000 + at)).join("")},b\n`,
    ).join("");
    const big = repeated((at) => `Retail.OrderHistory.${String(at).padStart(3, "0")}.csv`, wide, 20);
    expect(refusalOf(() => openFile(big, "all.zip", { today }))?.code).toBe("too-big");
  });

  test("a name in an archive reads as it is, and can still be chosen", () => {
    const zip = zipSync({ "orders\u202evsc.csv": strToU8("date,item\n2026-01-01,Book\n"), "b.csv": strToU8("x,y\n1,2\n") });
    const { found } = openFile(zip, "all.zip", { today });
    expect(found).toMatchObject({ shape: "files", files: ["ordersvsc.csv", "b.csv"] });
    expect(openFile(zip, "all.zip", { today, entry: "ordersvsc.csv" }).found).toMatchObject({ shape: "table", rows: 1 });
  });

  test.each([
    ["a vCard", "BEGIN:VCARD\nVERSION:3.0\nFN:J\u202eo\nX-\u202eA:b\nEND:VCARD"],
    [
      "a JSContact card",
      JSON.stringify({ "@type": "Card", name: { full: "J\u202eo" }, "x\u202ea": 1, emails: { "e\u202e1": { address: "no\u202e" } } }),
    ],
  ])("what is shown of %s is in no direction of its own", (_, text) => {
    const { found, preview } = read(text, { choices: { person: 0 } });
    expect(preview?.unplaced).toHaveLength(1);
    expect(JSON.stringify([found, preview])).not.toContain("\u202e");
  });

  test("of many joiners one is left, and a flag keeps its own tags only", () => {
    expect(clean("ن\u200c\u200c\u200dم")).toBe("ن\u200cم");
    expect(clean("👩\u200d💻 a\u200db")).toBe("👩\u200d💻 ab");
    const england = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
    expect(clean(`${england}\u{e0061} b`)).toBe(`${england} b`);
  });
});
