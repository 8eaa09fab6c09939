import fc from "fast-check";
import Papa from "papaparse";
import { describe, expect, test } from "vitest";
import { csvOf, csvRow, flat, readCell, safeCell } from "../../web/leaving/csv.ts";

/** Texts that lean towards trouble. */
const nasty = fc
  .array(fc.constantFrom("=", "+", "-", "@", "'", '"', ",", ";", "\t", "\r", "\n", " ", "\u00a0", "\ufeff", "＝", "a", "1", "מ", "😀"))
  .map((all) => all.join(""));
const anyText = fc.oneof(nasty, fc.string({ unit: "grapheme", maxLength: 40 }));

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

describe("a CSV that a spreadsheet opens", () => {
  test("gives every text back to another parser and to our own reader", () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyText, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 }), (rows) => {
        const text = rows.map(csvRow).join("");
        const { data, errors } = Papa.parse<string[]>(text.replace(/\r\n$/, ""), { delimiter: ",", newline: "\r\n" });
        expect(errors).toEqual([]);
        expect(data.map((row) => row.map(readCell))).toEqual(rows);
      }),
      { numRuns: 2_000 },
    );
  });

  test("has no cell that runs, whichever separator the spreadsheet expects and whether or not it minds quotes", () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 4 }), (row) => {
        const text = csvRow(["path", ...row]).replace(/\r\n$/, "");
        for (const delimiter of [",", ";", "\t"])
          for (const cells of Papa.parse<string[]>(text, { delimiter, newline: "\r\n" }).data)
            for (const cell of cells) expect(cell.replace(/^[ "\u00a0\ufeff]+/, "")).not.toMatch(FORMULA);
        for (const piece of text.split(/[;\t\r\n]/)) expect(piece.replace(/^[ "\u00a0\ufeff]+/, "")).not.toMatch(FORMULA);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'],
    ["+39 040 123456", "'+39 040 123456"],
    ["@me", "'@me"],
    ["-5", "'-5"],
    ["'quoted'", "''quoted'"],
    ["it's fine - really", "it's fine - really"],
    ["Rossi; =1+1", "Rossi; '=1+1"],
  ])("%s", (text, cell) => {
    expect(safeCell(text)).toBe(cell);
    expect(readCell(cell)).toBe(text);
  });

  test("has a byte order mark, a head with every member, and cells that are empty where nothing is", () => {
    const records = [
      { path: "purchases/a", value: { item: "Atlas", price: { amount: "12.50", currency: "EUR" }, hints: ["gift-wrap", "season"] } },
      { path: "purchases/b", value: { item: "Città, piccola", seller: "Libreria", quantity: 2 } },
    ];
    const text = [...csvOf(records, ["item", "seller", "price"])].join("");
    expect(text).toBe(
      "\ufeffpath,item,seller,price.amount,price.currency,hints.1,hints.2,quantity\r\n" +
        "purchases/a,Atlas,,12.50,EUR,gift-wrap,season,\r\n" +
        'purchases/b,"Città, piccola",Libreria,,,,,2\r\n',
    );
  });

  test("flattens what is nested", () => {
    expect([...flat({ a: { b: [true, { c: null, d: 1 }] } })]).toEqual([
      ["a.b.1", "true"],
      ["a.b.2.d", "1"],
    ]);
  });
});
