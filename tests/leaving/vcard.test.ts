import fc from "fast-check";
import ICAL from "ical.js";
import { describe, expect, test } from "vitest";
import { utf8 } from "#protocol/canonical.ts";
import { vcardOf } from "../../web/leaving/vcard.ts";

const made = "2026-11-21T10:15:00.000Z";
/** What a text can hold in a vCard: RFC 6350, 3.3. */
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }).map((it) => it.replace(/[^\P{Cc}\t\n]/gu, " "));
const card = (vcf: string): ICAL.Component => new ICAL.Component(ICAL.parse(vcf) as unknown[]);

describe("the vCard", () => {
  test("is read by another parser: names, ways to reach, addresses, labels", () => {
    const vcf = vcardOf(
      [
        { path: "profile/name", value: { given: "Ottavia", surname: "Bellini; de" } },
        { path: "profile/emails/e1", value: { address: "ottavia@posta.example", label: "home" } },
        { path: "profile/emails/e2", value: { address: "o@lavoro.example", label: "Libreria, ordini" } },
        { path: "profile/phones/p1", value: { number: "+39 040 123456" } },
        {
          path: "profile/addresses/a1",
          value: { street: "Via del Lloyd 12, int. 3", postcode: "34143", locality: "Trieste", region: "FVG", countryCode: "IT" },
        },
        { path: "profile/birthday", value: { date: "1984-02-29" } },
        { path: "profile/languages", value: { tags: ["it", "en"] } },
        { path: "profile/online/o1", value: { service: 'Mast"odon', user: "@o@social.example" } },
        { path: "purchases/x", value: { item: "never in a card" } },
      ],
      made,
    );
    const it = card(vcf);
    const value = (name: string): unknown => it.getFirstPropertyValue(name);
    expect(value("version")).toBe("4.0");
    expect(value("fn")).toBe("Ottavia Bellini; de");
    expect(value("n")).toEqual(["Bellini; de", "Ottavia", "", "", ""]);
    expect(it.getAllProperties("email").map((each) => each.getFirstValue())).toEqual(["ottavia@posta.example", "o@lavoro.example"]);
    expect(it.getFirstProperty("email")?.getFirstParameter("type")).toBe("home");
    expect(value("x-ablabel")).toMatch(/^Libreria\\?, ordini$/);
    expect(value("tel")).toBe("+39 040 123456");
    expect(value("adr")).toEqual(["", "", "Via del Lloyd 12, int. 3", "Trieste", "FVG", "34143", "IT"]);
    expect(String(value("bday"))).toBe("1984-02-29");
    expect(it.getAllProperties("lang").map((each) => [each.getFirstValue(), each.getFirstParameter("pref")])).toEqual([
      ["it", "1"],
      ["en", "2"],
    ]);
    expect(value("socialprofile")).toBe("@o@social.example");
    expect(vcf).not.toContain("never in a card");
  });

  test("any text survives, in lines of at most 75 octets that no text can begin or end", () => {
    fc.assert(
      fc.property(text, text, (given, street) => {
        const vcf = vcardOf(
          [
            { path: "profile/name", value: { given } },
            { path: "profile/addresses/a", value: { street, locality: "T", countryCode: "IT" } },
          ],
          made,
        );
        expect(vcf.endsWith("\r\n")).toBe(true);
        for (const line of vcf.slice(0, -2).split("\r\n")) {
          expect(utf8(line).length).toBeLessThanOrEqual(75);
          expect(line).not.toMatch(/[\r\n]/);
        }
        expect(vcf.match(/^BEGIN:VCARD/gm)).toHaveLength(1);
        const it = card(vcf);
        expect((it.getFirstPropertyValue("n") as unknown as string[])[1]).toBe(given);
        expect((it.getFirstPropertyValue("adr") as unknown as string[])[2]).toBe(street);
      }),
      { numRuns: 500 },
    );
  });

  test("without a name it is still a card", () => {
    expect(card(vcardOf([{ path: "profile/emails/e", value: { address: "a@b.example" } }], made)).getFirstPropertyValue("fn")).toBe(
      "a@b.example",
    );
    expect(card(vcardOf([], made)).getFirstPropertyValue("fn")).toBe("-");
  });
});
