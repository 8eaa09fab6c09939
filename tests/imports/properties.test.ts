import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { kindAt } from "#protocol/categories.ts";
import { parseAmount } from "../../web/imports/amount.ts";
import { isBookNumber } from "../../web/imports/book-number.ts";
import { clean } from "../../web/imports/clean.ts";
import { cardsOf } from "../../web/imports/vcard-lines.ts";
import { bytesOf, faultsOf, fixture, previewOf, read, refusalOf, valuesOf } from "./fixture.ts";

const FILES = [
  "icloud-iphone-ios17.vcf",
  "samsung-android14.vcf",
  "outlook-2016.vcf",
  "jscontact-rfc9553.json",
  "amazon-retail-order-history-2023.csv",
  "bank-umsatz-de.csv",
  "loyalty-excel-unicode.txt",
];

/** Whatever it is, it is read or refused by name, and what it would bring is of its kind. */
function isHarmless(bytes: Uint8Array): void {
  refusalOf(() => {
    const { preview } = read(bytes, { choices: { person: 0, country: "IT", shorten: true } });
    for (const { path, value } of preview?.candidates ?? []) expect(v.is(kindAt(path)?.schema ?? v.never(), value)).toBe(true);
  });
}

describe("whatever the bytes", () => {
  test("any at all are read or refused by name", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), isHarmless), { numRuns: 300 });
  });

  test("a file with any of its bytes changed, cut or doubled is read or refused by name", () => {
    const files = FILES.map(fixture);
    const changed = fc.record({
      file: fc.nat(files.length - 1),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      bytes: fc.uint8Array({ maxLength: 8 }),
      gone: fc.nat(200),
    });
    fc.assert(
      fc.property(changed, ({ file, at, bytes, gone }) => {
        const whole = files[file] ?? new Uint8Array();
        const from = Math.floor(at * whole.length);
        isHarmless(Uint8Array.from([...whole.subarray(0, from), ...bytes, ...whole.subarray(from + gone)]));
      }),
      { numRuns: 300 },
    );
  });

  test("any lines of a contact are read or refused by name", () => {
    const property = fc.tuple(
      fc.constantFrom("N", "FN", "TEL", "EMAIL", "ADR", "BDAY", "LANG", "IMPP", "item1.URL", "X-ABLabel", "PHOTO", "NOTE"),
      fc.constantFrom("", ";TYPE=HOME", ";HOME;CELL", ";ENCODING=QUOTED-PRINTABLE", ';TYPE="a', ";CHARSET=x-none;QUOTED-PRINTABLE", ";="),
      fc.string({ unit: "grapheme", maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.constantFrom("2.1", "3.0", "4.0", ""), fc.array(property, { maxLength: 12 }), (version, properties) => {
        const lines = properties.map(([name, params, value]) => `${name}${params}:${value}`);
        isHarmless(bytesOf(["BEGIN:VCARD", `VERSION:${version}`, ...lines, "END:VCARD"].join("\r\n")));
      }),
      { numRuns: 200 },
    );
  });
});

/** What a name of a thing may be, once the store's own cleaning has nothing to do. */
const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .map((text) => clean(`n${text}`))
  .filter((text) => !/[\ufffd]/.test(text));

describe("tables", () => {
  test("written and read again are the same, whatever parts their cells", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(",", ";", "\t", "|"),
        fc.constantFrom("\n", "\r\n"),
        (rows, delimiter, end) => {
          const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
          const lines = [["Date", "Item", "Shop"], ...rows.map(([item, shop]) => ["2024-01-05", item, shop])];
          const preview = previewOf(lines.map((cells) => cells.map(quoted).join(delimiter)).join(end));
          expect(preview.faults).toEqual([]);
          expect(
            valuesOf(preview, "purchases").map((value) => [(value as { item: string }).item, (value as { seller: string }).seller]),
          ).toEqual(rows);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("every line with another number of cells is named, and none of the others", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 3 }), { minLength: 3, maxLength: 40 }), (drifts) => {
        // Most lines are right: a header whose lines are all another length is another table.
        const all = [...drifts, ...drifts.map(() => 0)];
        const line = (drift: number): string =>
          ["2024-01-05", "Bread", "Forno", "3.20", "EUR", "x", "x", "x"].slice(0, 5 + drift).join(",");
        const preview = previewOf(["Date,Item,Shop,Price,Currency", ...all.map(line)].join("\n"));
        const expected = all.flatMap((drift, at) => (drift === 0 ? [] : [`line ${at + 2}: cells`]));
        expect(faultsOf(preview)).toEqual(expected);
        expect(preview.candidates).toHaveLength(all.length - expected.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe("contacts", () => {
  test("a property is the same however it is folded, and so is the line on which it begins", () => {
    fc.assert(
      fc.property(
        word,
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 }),
        fc.constantFrom("\n", "\r\n"),
        fc.constantFrom(" ", "\t"),
        (text, cuts, end, blank) => {
          const property = `NOTE:${text}`;
          const parts: string[] = [];
          let left = property;
          for (const at of cuts) {
            // Not within the name, where no program folds.
            const cut = parts.length === 0 ? at + 5 : at;
            parts.push(left.slice(0, cut));
            left = left.slice(cut);
          }
          const folded = [...parts, left].filter((part, at) => at === 0 || part !== "").join(`${end}${blank}`);
          const [card] = cardsOf(["BEGIN:VCARD", "VERSION:3.0", folded, "EMAIL:a@b.example", "END:VCARD"].join(end));
          expect(card?.lines.map((each) => each.text)).toEqual(["VERSION:3.0", property, "EMAIL:a@b.example"]);
          expect(card?.lines.at(-1)?.line).toBe(4 + folded.split(end).length - 1);
        },
      ),
    );
  });

  test("quoted-printable says what was quoted, however its lines are broken", () => {
    const quote = (text: string): string =>
      [...new TextEncoder().encode(text)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 20 }), (text, width) => {
        const body =
          quote(text)
            .match(new RegExp(`(?:=..){1,${width}}`, "g"))
            ?.join("=\r\n") ?? "";
        const preview = previewOf(`BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;${body};;;\r\nEND:VCARD\r\n`);
        expect(valuesOf(preview, "profile/name")).toEqual([{ given: text }]);
      }),
      { numRuns: 100 },
    );
  });
});

describe("the small readers", () => {
  test("a sum in either way of writing is the same sum", () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), fc.boolean(), fc.constantFrom("EUR", "€", ""), (cents, comma, sign) => {
        const units = String(Math.floor(cents / 100));
        const grouped = units.replace(/\B(?=(\d{3})+$)/g, comma ? "." : ",");
        const part = String(cents % 100).padStart(2, "0");
        const read = parseAmount(`${sign} ${grouped}${comma ? "," : "."}${part}`.trim(), comma ? "." : ",");
        expect(read?.amount).toBe(`${units}.${part}`);
      }),
    );
  });

  test("a book's number is one only with its own check digit", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 9, maxLength: 9 }), (digits) => {
        const right = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "X"].filter((check) => isBookNumber(digits.join("") + check));
        expect(right).toHaveLength(1);
      }),
    );
    expect(["9780099429838", "978-0-09-942983-8", "0099429837"].map(isBookNumber)).toEqual([true, true, true]);
    expect(["9780099429839", "B00TEST123", "1234567890123", "0000000000000"].map(isBookNumber)).toEqual([false, false, false, false]);
  });

  test("nothing unseen is left in a text, and cleaning twice changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const once = clean(text);
        expect(once).not.toMatch(/[\u200b\u2066-\u2069\u202a-\u202e\ufeff\p{Cc}]/u);
        expect(once.isWellFormed()).toBe(true);
        expect(clean(once)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });
});
