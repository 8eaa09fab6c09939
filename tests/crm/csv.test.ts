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

const CARE = "https://w3id.org/dpv#CustomerCare";
const consent = {
  given: "2026-01-01T00:00:00Z",
  until: "2027-01-01T00:00:00Z",
  paused: false,
  n: 1,
  purposes: [CARE],
  ends: { [CARE]: "2027-01-01T00:00:00Z" },
  paths: ["profile", "preferences/contact", "purchases"],
  gpc: false,
  recipients: [],
};
const NO = { "contact.email": "no", "contact.sms": "no", "contact.phone": "no", "contact.post": "no", "contact.push": "no" };

describe("the mapping", () => {
  const fields = {
    "profile/emails/zz": { address: "z@mail.example" },
    "profile/emails/aa": { address: "a@mail.example", label: "home" },
    "profile/addresses/x1:town": { locality: "Cluj", countryCode: "RO" },
    "preferences/contact": { channels: [{ channel: "email", allowed: true }], language: "ro" },
  };
  const record = { key: "cPerson-1", fields, consent };

  it("makes a column of each leaf, in the order of ids, forms left out; of the rules of contact one for each channel", () => {
    expect(flatten(record)).toEqual({
      ...NO,
      "contact.email": "yes: customer-care",
      "preferences/contact.language": "ro",
      "profile/addresses.1.locality": "Cluj",
      "profile/addresses.1.countryCode": "RO",
      "profile/emails.1.address": "a@mail.example",
      "profile/emails.1.label": "home",
      "profile/emails.2.address": "z@mail.example",
    });
  });

  it("picks columns by name or by function, and leaves out what is not there, but for what says whom one may reach", () => {
    const map = mapFields({
      mail: "profile/emails.1.address",
      name: "profile/name.given",
      until: ({ consent }) => consent.until.slice(0, 4),
    });
    expect(map.apply(record)).toEqual({ ...NO, "contact.email": "yes: customer-care", mail: "a@mail.example", until: "2027" });
    expect(map.columns).toEqual(["mail", "name", "until", ...Object.keys(NO)]);
    expect(mapFields({}).apply({ ...record, fields: {} })).toEqual(NO);
  });

  it("gives those columns the names that a CRM can have, and no other column the same", () => {
    const map = mapFields({ mail: "profile/emails.1.address" }, { contact: (channel) => `may_${channel}` });
    expect(map.columns).toEqual(["mail", "may_email", "may_sms", "may_phone", "may_post", "may_push"]);
    expect(map.apply(record)).toMatchObject({ may_email: "yes: customer-care", may_sms: "no" });
    expect(() => mapFields({ "contact.email": "profile/emails.1.address" })).toThrow(TypeError);
  });

  it("lists of many purchases the newest, and says how many there are", () => {
    const many = Object.fromEntries(
      Array.from({ length: 2000 }, (_, at) => [
        `purchases/p${at}`,
        {
          item: `Book ${at}`,
          date: `${2000 + (at % 20)}-0${1 + (at % 9)}-01`,
          recipient: "self",
          price: { amount: "9.50", currency: "EUR" },
        },
      ]),
    );
    const row = flatten({ fields: many, consent });
    expect(row["purchases.count"]).toBe(2000);
    const days = Array.from({ length: 10 }, (_, at) => row[`purchases.${at + 1}.date`] as string);
    expect(days).toEqual(days.toSorted().reverse());
    expect(days[0]).toBe("2019-09-01");
    expect(row).not.toHaveProperty(["purchases.11.date"]);
    expect(row["purchases.1.price.amount"]).toBe("9.50");
    expect(Object.keys(row).length).toBeLessThan(100);
  });

  it("puts a digest at its own place, beside its collection", () => {
    const tastes = { tastes: [{ category: "books", count: 14 }] };
    const both = { "purchases:tastes": tastes, "purchases:shops": { shops: ["Amazon"] }, "purchases/p1": { item: "A book" } };
    expect(flatten({ fields: both, consent })).toEqual({
      ...NO,
      "purchases.tastes.1.category": "books",
      "purchases.tastes.1.count": 14,
      "purchases.shops.1": "Amazon",
      "purchases.1.item": "A book",
    });
  });

  it("survives a value nested as deep as a record allows", () => {
    const deep = JSON.parse(`${"[".repeat(30_000)}1${"]".repeat(30_000)}`) as unknown;
    expect(flatten({ fields: { "profile/emails/e1": { deep, address: "a@mail.example" } }, consent })).toEqual({
      ...NO,
      "profile/emails.1.address": "a@mail.example",
    });
  });
});
