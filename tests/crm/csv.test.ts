import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCsv, parseCsv } from "../../vendor-sdk/crm/csv.ts";
import { flatten, mapFields } from "../../vendor-sdk/crm/mapping.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("'", '"', "=", "+", "-", "@", "\t", "\r", "\n", ",", ";", " ", "a", "＝") }),
);

describe("csv", () => {
  it("gives back exactly what was written", () => {
    fc.assert(
      fc.property(fc.array(fc.array(text, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (rows) => {
        expect(parseCsv(formatCsv(rows))).toEqual(rows);
      }),
    );
  });

  it("writes no cell that a spreadsheet would run", () => {
    const cells = ['=HYPERLINK("http://x.example")', "+39 06", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"];
    fc.assert(
      fc.property(fc.oneof(text, fc.constantFrom(...cells)), (cell) => {
        const written = formatCsv([[cell]]).replace(/\r\n$/, "");
        const seen = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
        expect(seen).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
      }),
    );
  });

  it("follows RFC 4180", () => {
    expect(formatCsv([["a", 'say "hi"', "two\r\nlines", "x,y", ""]])).toBe('a,"say ""hi""","two\r\nlines","x,y",\r\n');
    expect(parseCsv("a,b\nc,d")).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(() => parseCsv('"open')).toThrow(SyntaxError);
    expect(() => parseCsv('"a"b')).toThrow(SyntaxError);
  });
});

describe("the mapping", () => {
  const fields = {
    "profile/emails/zz": { address: "z@mail.example" },
    "profile/emails/aa": { address: "a@mail.example", label: "home" },
    "profile/addresses/x1:town": { locality: "Cluj", countryCode: "RO" },
    "preferences/contact": { channels: [{ channel: "email", allowed: "offers" }] },
  };
  const record = { key: "cPerson-1", fields, consent: { given: "", until: "2027-01-01T00:00:00Z", n: 1, purposes: [], paths: [] } };

  it("makes a column of each leaf, in the order of ids, forms left out", () => {
    expect(flatten(record)).toEqual({
      "preferences/contact.channels.1.channel": "email",
      "preferences/contact.channels.1.allowed": "offers",
      "profile/addresses.1.locality": "Cluj",
      "profile/addresses.1.countryCode": "RO",
      "profile/emails.1.address": "a@mail.example",
      "profile/emails.1.label": "home",
      "profile/emails.2.address": "z@mail.example",
    });
  });

  it("picks columns by name or by function, and leaves out what is not there", () => {
    const map = mapFields({
      mail: "profile/emails.1.address",
      name: "profile/name.given",
      until: ({ consent }) => consent.until.slice(0, 4),
    });
    expect(map.apply(record)).toEqual({ mail: "a@mail.example", until: "2027" });
    expect(map.columns).toEqual(["mail", "name", "until"]);
  });

  it("survives a value nested as deep as a record allows", () => {
    const deep = JSON.parse(`${"[".repeat(30_000)}1${"]".repeat(30_000)}`) as unknown;
    expect(flatten({ fields: { "profile/emails/e1": { deep, address: "a@mail.example" } } })).toEqual({
      "profile/emails.1.address": "a@mail.example",
    });
  });
});
