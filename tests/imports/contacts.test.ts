import { describe, expect, test } from "vitest";
import { faultsOf, fixture, previewOf, read, refusalOf, valuesOf } from "./fixture.ts";

describe("contacts as programs write them", () => {
  test("iPhone: groups with labels of one's own, folds, a country in X-ABADR; of two people none is taken unasked", () => {
    const { found, preview } = read(fixture("icloud-iphone-ios17.vcf"));
    expect(found).toMatchObject({
      format: "vcard",
      encoding: "utf-8",
      people: [
        { name: "Ottavia Lloyd", about: "ottavia@posta.example" },
        { name: "Zia Mirella", about: "040 555 0123" },
      ],
    });
    expect(preview).toBeUndefined();
    const mine = previewOf(fixture("icloud-iphone-ios17.vcf"), { choices: { person: 0 } });
    expect(valuesOf(mine, "profile/name")).toEqual([{ given: "Ottavia", surname: "Lloyd" }]);
    expect(valuesOf(mine, "profile/emails")).toEqual([
      { address: "ottavia@posta.example", label: "Ordini" },
      { address: "o.lloyd@studiobora.example", label: "work" },
    ]);
    expect(valuesOf(mine, "profile/phones")).toEqual([
      { number: "+39 333 555 0142", label: "mobile" },
      { number: "040 555 0199", label: "other" },
    ]);
    expect(valuesOf(mine, "profile/addresses")).toEqual([
      {
        street: "Via della Madonna del Mare 12 scala B, interno 4",
        postcode: "34124",
        locality: "Trieste",
        region: "TS",
        countryCode: "IT",
        label: "home",
      },
      { street: "Schottenring 1", postcode: "1010", locality: "Wien", countryCode: "AT", label: "work" },
    ]);
    expect(valuesOf(mine, "profile/birthday")).toEqual([{ date: "1984-02-29" }]);
    expect(valuesOf(mine, "profile/online")).toEqual([
      { service: "Web", user: "https://ottavia.example/" },
      { service: "mastodon", user: "ottavia" },
      { service: "Skype", user: "ottavia.lloyd.example" },
    ]);
    expect(mine.unplaced).toEqual(["PHOTO", "NICKNAME", "ORG", "NOTE"]);
    expect(mine.faults).toEqual([]);
    expect(mine.candidates.map(({ place }) => place.line)).toEqual([4, 8, 10, 11, 12, 14, 17, 19, 21, 22, 23]);
    expect(faultsOf(previewOf(fixture("icloud-iphone-ios17.vcf"), { choices: { person: 1 } }))).toEqual(["line 34, BDAY: no-year"]);
  });

  test("Samsung: vCard 2.1 in quoted-printable with soft line breaks, bare types, a label of one's own", () => {
    const preview = previewOf(fixture("samsung-android14.vcf"));
    expect(preview.candidates.map(({ path, value }) => [path, value])).toEqual([
      ["profile/name", { given: "Ștefania Elena", surname: "Țepeș" }],
      ["profile/phones", { number: "+40700555014", label: "mobile" }],
      ["profile/phones", { number: "0215550123", label: "home" }],
      ["profile/phones", { number: "0215550177", label: "Bunica" }],
      ["profile/emails", { address: "stefania@posta.example", label: "home" }],
      [
        "profile/addresses",
        { street: "Strada Lipscani 7, ap. 3; et. 2", postcode: "030031", locality: "București", countryCode: "RO", label: "home" },
      ],
      ["profile/birthday", { date: "1991-11-03" }],
    ]);
    expect(preview.faults).toEqual([]);
  });

  test("Outlook: windows-1252 said so, quoted-printable in the same, a picture that ends at an empty line", () => {
    const { found, preview } = read(fixture("outlook-2016.vcf"));
    expect(found.encoding).toBe("windows-1252");
    expect(preview?.candidates.map(({ path, value }) => [path, value])).toEqual([
      ["profile/name", { given: "Jörg", surname: "Müller" }],
      ["profile/phones", { number: "+49 (30) 5550 142", label: "work" }],
      ["profile/phones", { number: "0151 555 01420", label: "mobile" }],
      ["profile/phones", { number: "+49 (30) 5550 143", label: "work, fax" }],
      [
        "profile/addresses",
        { street: "Große Straße 5 Hinterhaus", postcode: "10115", locality: "Berlin", countryCode: "DE", label: "work" },
      ],
      ["profile/online", { service: "Web", user: "http://www.uhren-mueller.example" }],
      ["profile/emails", { address: "joerg@uhren-mueller.example" }],
    ]);
    expect(preview?.faults).toEqual([]);
  });

  test("Google: an address with a component too many", () => {
    const preview = previewOf(fixture("google-contacts-2024.vcf"));
    expect(valuesOf(preview, "profile/addresses")).toEqual([
      { street: "3 Quay Lane", postcode: "H91 XXXX", locality: "Galway", countryCode: "IE", label: "home" },
    ]);
    expect(valuesOf(preview, "profile/online")).toEqual([{ service: "Web", user: "http://www.google.com/profiles/000000000000000000000" }]);
  });

  test("Thunderbird: vCard 4 with tel: and languages in order of preference", () => {
    const preview = previewOf(fixture("thunderbird-128.vcf"));
    expect(valuesOf(preview, "profile/phones")).toEqual([{ number: "+386-40-555-014", label: "mobile" }]);
    expect(valuesOf(preview, "profile/languages")).toEqual([{ tags: ["sl", "de"] }]);
    expect(valuesOf(preview, "profile/birthday")).toEqual([{ date: "1993-12-05" }]);
    expect(valuesOf(preview, "profile/addresses")).toMatchObject([{ locality: "Ljubljana", countryCode: "SI" }]);
    expect(valuesOf(preview, "profile/online")).toEqual([{ service: "xmpp", user: "mojca@chat.example" }]);
  });

  test("Nextcloud: types in quotes, a word in Cyrillic folded, a birthday without a year named", () => {
    const preview = previewOf(fixture("nextcloud-contacts-6.vcf"));
    expect(valuesOf(preview, "profile/addresses")).toEqual([
      {
        street: "улица Пушкина, дом 10, квартира 25, второй подъезд налево от арки",
        postcode: "LV-1050",
        locality: "Рига",
        countryCode: "LV",
        label: "home",
      },
    ]);
    expect(valuesOf(preview, "profile/emails")).toEqual([{ address: "eva@posta.example", label: "home" }]);
    expect(faultsOf(preview)).toEqual(["line 12, BDAY: no-year"]);
  });

  test("JSContact: contexts and features as labels, tel: taken off, localizations left, faults by the way to them", () => {
    const preview = previewOf(fixture("jscontact-rfc9553.json"), { choices: { person: 0 } });
    expect(preview.candidates.map(({ path, value }) => [path, value])).toEqual([
      ["profile/name", { given: "Ines", surname: "Duarte" }],
      ["profile/emails", { address: "ines@posta.example", label: "home" }],
      ["profile/phones", { number: "+351-21-555-0142", label: "mobile" }],
      ["profile/online", { service: "Mastodon", user: "@ines@social.example" }],
      ["profile/languages", { tags: ["pt", "en"] }],
      ["profile/birthday", { date: "1988-04-02" }],
      ["profile/addresses", { street: "Rua do Alecrim 9", postcode: "1200-014", locality: "Lisboa", countryCode: "PT", label: "work" }],
    ]);
    expect(faultsOf(preview)).toEqual(["0/emails/e2: email"]);
    expect(preview.unplaced).toEqual(["notes"]);
    expect(valuesOf(previewOf(fixture("jscontact-rfc9553.json"), { choices: { person: 1 } }), "profile/name")).toEqual([{ given: "Rui" }]);
  });
});

const card = (...lines: string[]): string => ["BEGIN:VCARD", "VERSION:3.0", ...lines, "END:VCARD", ""].join("\r\n");

describe("contacts that are torn or strange", () => {
  test("a card without its end is named by its line; the whole ones before and after it are still there", () => {
    const { found } = read(fixture("torn.vcf"));
    expect(found).toMatchObject({ people: [{ name: "Primo Uno" }, { name: "Terza Tre" }] });
    expect(faultsOf(previewOf(fixture("torn.vcf"), { choices: { person: 1 } }))).toEqual(["line 7: torn-card", "line 17: torn-card"]);
  });

  test("a file of nothing but a torn card is refused by its line", () => {
    expect(refusalOf(() => read("\n\nBEGIN:VCARD\nVERSION:3.0\nFN:Uno"))).toEqual({ code: "torn-card", detail: 3 });
  });

  test("a line that is no property is named, and costs nothing else", () => {
    const preview = previewOf(card("FN:Uno", 'TEL;TYPE="x:1', "no property at all", "EMAIL:uno@posta.example"));
    expect(valuesOf(preview, "profile/emails")).toEqual([{ address: "uno@posta.example" }]);
    expect(faultsOf(preview)).toEqual(["line 4: bad-line", "line 5: bad-line"]);
  });

  test.each([
    ["TEL:call me", "TEL: phone"],
    ["EMAIL:nobody", "EMAIL: email"],
    ["ADR:;;Via Roma 1;Trieste;;34121;", "ADR: no-country"],
    ["ADR:;;Via Roma 1\\nTrieste;;;;Italia", "ADR: no-town"],
    ["BDAY:1899-05-01", "BDAY: date-old"],
    ["BDAY:2031-05-01", "BDAY: date-future"],
    ["BDAY:in May", "BDAY: date"],
    ["BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-01", "BDAY: no-year"],
    [`URL:https://x.example/${"y".repeat(200)}`, "URL: too-long"],
  ])("%s is left out by name", (line, fault) => {
    const preview = previewOf(card("FN:Uno", line));
    expect(preview.candidates).toHaveLength(1);
    expect(faultsOf(preview)).toEqual([`line 4, ${fault}`]);
  });

  test("an address takes the country that its customer names, where it names none", () => {
    const preview = previewOf(card("FN:Uno", "ADR:;;Via Roma 1;Trieste;;34121;"), { choices: { country: "IT" } });
    expect(valuesOf(preview, "profile/addresses")).toMatchObject([{ countryCode: "IT" }]);
  });

  test.each([
    ["N:;Zia Mirella;;;", { given: "Zia Mirella" }],
    ["N:Lloyd;;;;\r\nFN:Ottavia Lloyd", { given: "Ottavia", surname: "Lloyd" }],
    ["FN:Maria Grazia Rossi", { given: "Maria Grazia", surname: "Rossi" }],
    ["N:Bottega;;;;\r\nFN:Bottega", { given: "Bottega" }],
  ])("%s is a name", (lines, name) => {
    expect(valuesOf(previewOf(card(lines)), "profile/name")).toEqual([name]);
  });

  test("ten thousand e-mail addresses: fifty are chosen, the rest wait to be", () => {
    const preview = previewOf(card("FN:Uno", ...Array.from({ length: 10_000 }, (_, at) => `EMAIL:a${at}@posta.example`)));
    expect(preview.candidates).toHaveLength(10_001);
    expect(preview.candidates.filter(({ doubt }) => doubt === undefined)).toHaveLength(51);
    expect(preview.candidates.at(-1)?.doubt).toBe("many");
  });

  test("a card within a card, as vCard 2.1 has it, is passed over", () => {
    const text =
      "BEGIN:VCARD\nVERSION:2.1\nN:Uno;Primo\nAGENT:\nBEGIN:VCARD\nN:Due;Seconda\nEND:VCARD\nEMAIL:uno@posta.example\nEND:VCARD\n";
    expect(read(text).found).toMatchObject({ people: [{ name: "Primo Uno", about: "uno@posta.example" }] });
  });

  test("what has no width or turns the direction is taken out, emoji and letters that need a joiner stay", () => {
    const name =
      "\u202eanna\u202c\u200b \u{1f469}\u200d\u{1f3a8} می\u200cخواهم \u05e9\u05dc\u05d5\u05dd A\u200dB \u{1f3f4}\u{e0067}\u{e0062}\u{e007f} x\u{e0041}";
    expect(valuesOf(previewOf(card(`N:;${name};;;`)), "profile/name")).toEqual([
      { given: "anna \u{1f469}\u200d\u{1f3a8} می\u200cخواهم \u05e9\u05dc\u05d5\u05dd AB \u{1f3f4}\u{e0067}\u{e0062}\u{e007f} x" },
    ]);
  });

  test("half a character is replaced, since nothing could seal it", () => {
    const json = `{"@type":"Card","version":"1.0","uid":"u","name":{"full":"Anna \\ud83d"}}`;
    expect(valuesOf(previewOf(json), "profile/name")).toEqual([{ given: "Anna", surname: "\ufffd" }]);
  });
});
