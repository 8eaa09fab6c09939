import { describe, expect, test } from "vitest";
import type { Mapping } from "../../web/imports/mapping.ts";
import { faultsOf, fixture, previewOf, read, refusalOf, valuesOf } from "./fixture.ts";

const mappingOf = (from: string | Uint8Array): Mapping => {
  const { found } = read(from);
  if (found.shape !== "table") throw new Error("no table");
  return found.mapping;
};

describe("orders as shops and banks hand them out", () => {
  test("Amazon until 2025: its preset, books by ISBN, gifts hinted at and nobody's name kept", () => {
    const { found, preview } = read(fixture("amazon-retail-order-history-2023.csv"));
    expect(found).toMatchObject({ format: "amazon-retail", known: true, rows: 8 });
    expect(preview?.candidates.map(({ value, place, doubt }) => [place.line, value, doubt])).toEqual([
      [
        2,
        {
          item: "Invisible Cities (Vintage Classics)",
          seller: "Amazon",
          date: "2024-03-04",
          category: "books",
          recipient: "unknown",
          price: { amount: "11.40", currency: "EUR" },
          order: "405-0000001-0000001",
          code: "0099429837",
        },
        undefined,
      ],
      [
        3,
        {
          item: 'Moka, 3 cups, "Venus", steel',
          seller: "Amazon",
          date: "2024-03-04",
          recipient: "unknown",
          price: { amount: "49.80", currency: "EUR" },
          quantity: 2,
          order: "405-0000001-0000001",
          code: "B0000TEST1",
        },
        undefined,
      ],
      [
        5,
        {
          item: "Laptop 14 inch",
          seller: "Amazon",
          date: "2023-12-20",
          recipient: "unknown",
          price: { amount: "1249.00", currency: "EUR" },
          order: "405-0000003-0000003",
          code: "B0000TEST3",
          hints: ["season"],
        },
        undefined,
      ],
      [
        6,
        {
          item: "The Book of Tea",
          seller: "Amazon",
          date: "2024-05-11",
          category: "books",
          recipient: "unknown",
          price: { amount: "8.90", currency: "EUR" },
          order: "405-0000004-0000004",
          code: "0486200701",
          hints: ["other-name", "gift-message"],
        },
        undefined,
      ],
      [
        8,
        {
          item: '=HYPERLINK("http://x.example";"free")',
          seller: "Amazon",
          date: "2024-07-01",
          recipient: "unknown",
          price: { amount: "0", currency: "EUR" },
          order: "405-0000006-0000006",
          code: "B0000TEST5",
        },
        undefined,
      ],
      [9, expect.objectContaining({ item: "Invisible Cities (Vintage Classics)" }), "repeated"],
    ]);
    expect(preview?.left).toEqual({ cancelled: 1, credit: 1, "nothing-paid": 0 });
    expect(JSON.stringify(preview)).not.toMatch(/Mirella|Duino|compleanno|Madonna/);
  });

  test("Amazon in 2026: other columns, one thing in two parcels of one order is two", () => {
    const { found, preview } = read(fixture("amazon-order-history-2026.csv"));
    expect(found).toMatchObject({ format: "amazon-orders", known: true });
    expect(preview?.candidates.map(({ value, doubt }) => [(value as { item: string }).item, doubt])).toEqual([
      ["Il nome della rosa", undefined],
      ["Yoga Block, 1 EA", undefined],
      ["Yoga Block, 1 EA", undefined],
    ]);
    expect(preview?.candidates[0]?.value).toMatchObject({ category: "books", price: { amount: "13.30", currency: "EUR" } });
    expect(preview?.left.cancelled).toBe(1);
  });

  test("Temu: each sum with its own sign and decimals", () => {
    const { found, preview } = read(fixture("temu-orders-2024.csv"));
    expect(found.format).toBe("temu");
    expect(preview?.candidates.map(({ value }) => value)).toMatchObject([
      { seller: "Temu", date: "2023-11-14", price: { amount: "70.48", currency: "PLN" }, order: "PO-162-00000000000000001" },
      { date: "2024-03-22", price: { amount: "12.99", currency: "USD" } },
      { date: "2024-06-10", price: { amount: "15.00", currency: "EUR" } },
    ]);
  });

  test("a bank: what stands above the header is passed over, minus is spent, plus is counted, a short line is named", () => {
    const { found, preview } = read(fixture("bank-umsatz-de.csv"));
    expect(found).toMatchObject({ format: "csv", encoding: "windows-1252", known: false });
    expect(mappingOf(fixture("bank-umsatz-de.csv"))).toEqual({
      columns: { date: 0, seller: 2, item: 3, amount: 4 },
      seller: "",
      currency: "EUR",
      dates: "day-first",
      decimal: ",",
      meaning: "minus-spent",
    });
    expect(preview?.candidates.map(({ value }) => value)).toEqual([
      {
        item: "EC 4711 Bücher",
        seller: "Buchhandlung Schöne Seiten",
        date: "2024-03-17",
        recipient: "unknown",
        price: { amount: "34.90", currency: "EUR" },
      },
      {
        item: "Regal „Billig“",
        seller: "Möbelhaus",
        date: "2024-03-05",
        recipient: "unknown",
        price: { amount: "1299.00", currency: "EUR" },
      },
      {
        item: "=2+5+cmd|' /C calc'!A0",
        seller: "Bäckerei",
        date: "2024-03-01",
        recipient: "unknown",
        price: { amount: "3.20", currency: "EUR" },
      },
    ]);
    expect(preview?.left.credit).toBe(1);
    expect(preview && faultsOf(preview)).toEqual(["line 8: cells"]);
    expect(preview?.faults[0]).toMatchObject({ expected: 6, got: 5 });
  });

  test("a loyalty card from Excel: UTF-16, tabs, and days that could be months are asked for", () => {
    const { found, preview } = read(fixture("loyalty-excel-unicode.txt"));
    expect(found.encoding).toBe("utf-16le");
    expect(preview).toBeUndefined();
    const mapping = mappingOf(fixture("loyalty-excel-unicode.txt"));
    const dates = (order: "day-first" | "month-first"): unknown[] =>
      valuesOf(previewOf(fixture("loyalty-excel-unicode.txt"), { choices: { mapping: { ...mapping, dates: order } } }), "purchases").map(
        (value) => (value as { date: string }).date,
      );
    expect(dates("day-first")).toEqual(["2024-04-03", "2024-05-04", "2024-12-11"]);
    expect(dates("month-first")).toEqual(["2024-03-04", "2024-04-05", "2024-11-12"]);
  });

  test("lines with other numbers of cells, days that can't be, sums that are none: each named by its line and cell", () => {
    const preview = previewOf(fixture("ragged.csv"));
    expect(valuesOf(preview, "purchases").map((value) => (value as { item: string }).item)).toEqual(["Bread", "Cheese, aged", "Oil"]);
    expect(faultsOf(preview)).toEqual([
      "line 3: cells",
      "line 5: cells",
      "line 6, Date: date-old",
      "line 7, Date: date-future",
      "line 8, Date: date",
      "line 9, Item: missing",
      "line 10, Price: amount",
    ]);
  });
});

const head = "Date,Item,Shop,Price,Currency";
const line = (over: Partial<Record<"date" | "item" | "shop" | "price" | "currency", string>> = {}): string => {
  const { date = "2024-01-05", item = "Bread", shop = "Forno", price = "3.20", currency = "EUR" } = over;
  return [date, item, shop, price, currency].map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");
};
const priceOf = (prices: string[]): unknown[] =>
  valuesOf(previewOf([head, ...prices.map((price, at) => line({ price, item: `n${at}` }))].join("\n")), "purchases").map(
    (value) => (value as { price?: { amount: string } }).price?.amount,
  );

describe("sums", () => {
  test.each([
    [
      ["1.234,50", "7,00"],
      ["1234.50", "7.00"],
    ],
    [
      ["1,234.50", "7.00"],
      ["1234.50", "7.00"],
    ],
    [
      ["1.234", "7,50"],
      ["1234", "7.50"],
    ],
    [
      ["1.234", "7.50"],
      ["1.234", "7.50"],
    ],
    [
      ["1 234,5", "0,99"],
      ["1234.50", "0.99"],
    ],
    [
      ["1'234.50", "€ 12", "12 €", "EUR 12,5"],
      ["1234.50", "12", "12", "12.50"],
    ],
    [
      ["12", "", "0012"],
      ["12", undefined, "12"],
    ],
  ])("%j are %j: the whole column says which sign parts the decimals", (prices, amounts) => {
    expect(priceOf(prices)).toEqual(amounts);
  });

  test.each(["twenty", "1,23,4", "1.2.3", "12.3456", "99999999999", "3 for 2", "€", "--"])("%s is none", (price) => {
    const preview = previewOf([head, line({ price }), line({ price: "1.00", item: "Milk" })].join("\n"));
    expect(faultsOf(preview)).toEqual(["line 2, Price: amount"]);
  });

  test("in no currency is asked for, and named where nobody says", () => {
    const text = "Date,Item,Shop,Price\n2024-01-05,Bread,Forno,3.20\n2024-01-06,Milk,Forno,$1\n";
    expect(faultsOf(previewOf(text))).toEqual(["line 2: no-currency"]);
    const mapping = { ...mappingOf(text), currency: "CHF" };
    expect(valuesOf(previewOf(text, { choices: { mapping } }), "purchases")).toMatchObject([
      { price: { currency: "CHF" } },
      { price: { currency: "USD" } },
    ]);
  });
});

describe("days", () => {
  const dates = (cells: string[]): unknown[] =>
    valuesOf(previewOf([head, ...cells.map((date, at) => line({ date, item: `n${at}` }))].join("\n")), "purchases").map(
      (value) => (value as { date: string }).date,
    );
  test.each([
    [
      ["13/02/2024", "03/04/2024"],
      ["2024-02-13", "2024-04-03"],
    ],
    [
      ["02/13/2024", "03/04/2024"],
      ["2024-02-13", "2024-03-04"],
    ],
    [
      ["2024-02-13T23:30:00Z", "2024/3/4", "20240305"],
      ["2024-02-13", "2024-03-04", "2024-03-05"],
    ],
    [
      ["13.2.24", "14.12.99"],
      ["2024-02-13", "1999-12-14"],
    ],
    [
      ["13 Nov 2023", "Nov 13, 2023", "13 novembre 2023", "13. Dezember 2023", "5 мая 2023"],
      ["2023-11-13", "2023-11-13", "2023-11-13", "2023-12-13", "2023-05-05"],
    ],
  ])("%j are %j", (cells, days) => {
    expect(dates(cells)).toEqual(days);
  });

  test("today is a day, tomorrow isn't yet", () => {
    const preview = previewOf([head, line({ date: "2026-11-22" }), line({ date: "2026-11-23", item: "Milk" })].join("\n"));
    expect(preview.candidates).toHaveLength(1);
    expect(faultsOf(preview)).toEqual(["line 3, Date: date-future"]);
  });

  test("days first in one line and months in another: nobody guesses", () => {
    expect(read([head, line({ date: "13/02/2024" }), line({ date: "02/13/2024" })].join("\n")).preview).toBeUndefined();
  });
});

describe("tables", () => {
  test("a text that is too long for a store is named, and cut only where its customer says so", () => {
    const text = [head, line({ item: `${"x".repeat(298)}\u{1f4da}y` })].join("\n");
    const preview = previewOf(text);
    expect(preview.candidates).toEqual([]);
    expect(preview.faults).toMatchObject([{ code: "too-long", expected: 300, got: 301, place: { line: 2, cell: "Item" } }]);
    const cut = previewOf(text, { choices: { shorten: true } });
    expect(cut.candidates).toMatchObject([{ shortened: ["item"], value: { item: `${"x".repeat(298)}…` } }]);
    expect(cut.faults).toEqual([]);
  });

  test("a quote that never closes is named by the line where it opens", () => {
    const preview = previewOf([head, line(), '2024-01-06,"Milk,Forno,1.80,EUR', line({ item: "Wine" })].join("\n"));
    expect(preview.candidates).toHaveLength(1);
    expect(faultsOf(preview)).toEqual(["line 3: torn-quote"]);
  });

  test("a cell over two lines keeps the lines after it right", () => {
    const preview = previewOf([head, line({ item: "Bread\nand butter" }), line({ price: "x" })].join("\r\n"));
    expect(valuesOf(preview, "purchases")).toMatchObject([{ item: "Bread and butter" }]);
    expect(faultsOf(preview)).toEqual(["line 4, Price: amount"]);
  });

  test.each([";", "\t", "|", ","])("cells parted by %j", (delimiter) => {
    const text = [head, line(), line({ item: "Milk" })].join("\n").replaceAll(",", delimiter);
    expect(previewOf(text).candidates).toHaveLength(2);
  });

  test("Excel's own word for its separator, old Macs' line ends, a table without a header", () => {
    expect(previewOf(`sep=;\n${head.replaceAll(",", ";")}\n${line().replaceAll(",", ";")}`).candidates).toHaveLength(1);
    expect(previewOf([head, line(), line({ price: "x" })].join("\r")).faults).toMatchObject([{ place: { line: 3 } }]);
    const bare = read("2024-01-05,Bread and butter,3.20\n2024-01-06,Milk and honey,1.80\n");
    expect(bare.found).toMatchObject({ shape: "table", columns: ["A", "B", "C"], mapping: { columns: { date: 0, item: 1, amount: 2 } } });
  });

  test("letters that are broken are named by their line, and nothing of that line comes in", () => {
    const bytes = new TextEncoder().encode([head, line({ item: "Caffè" }), line({ item: "Caff#" }), line({ item: "Tè" })].join("\n"));
    bytes[bytes.indexOf(0x23)] = 0xe8;
    const { found, preview } = read(bytes);
    expect(found.encoding).toBe("utf-8");
    expect(preview?.candidates.map(({ value }) => (value as { item: string }).item)).toEqual(["Caffè", "Tè"]);
    expect(preview && faultsOf(preview)).toEqual(["line 3: broken-text"]);
  });

  test("UTF-16 without a mark, either way round", () => {
    const text = [head, line(), line({ item: "Tè" })].join("\r\n");
    const little = new Uint8Array(Buffer.from(text, "utf16le"));
    expect(read(little).found.encoding).toBe("utf-16le");
    expect(previewOf(little).candidates).toHaveLength(2);
    const big = new Uint8Array(Buffer.from(text, "utf16le").swap16());
    expect(read(big).found.encoding).toBe("utf-16be");
    expect(previewOf(big).candidates).toHaveLength(2);
  });

  test("without a shop in any column, the one that its customer names", () => {
    const text = "Date,Item,Price\n2024-01-05,Bread,€3\n";
    expect(faultsOf(previewOf(text))).toEqual(["line 2: missing"]);
    const mapping = { ...mappingOf(text), seller: "Forno Bora" };
    expect(valuesOf(previewOf(text, { choices: { mapping } }), "purchases")).toMatchObject([{ seller: "Forno Bora" }]);
  });

  test("an address that bears the store's own name is no gift, any other is", () => {
    const text = [
      "Date,Item,Shop,Ship to",
      "2024-01-05,A,S,Ottavia Lloyd",
      "2024-01-05,B,S,Mirella Lloyd",
      "2024-01-05,C,S,Mirella Lloyd",
    ].join("\n");
    const hints = (known: Array<{ kind: string; value: unknown }>): unknown[] =>
      valuesOf(previewOf(text, { known }), "purchases").map((value) => (value as { hints?: string[] }).hints);
    expect(hints([{ kind: "profile/name", value: { given: "Ottavia", surname: "Lloyd" } }])).toEqual([
      undefined,
      ["other-name"],
      ["other-name"],
    ]);
    expect(hints([])).toEqual([["other-name"], undefined, undefined]);
  });
});

describe("what the store has already", () => {
  const twice = [head, line(), line({ item: "Milk" })].join("\n");
  const value = { item: "bread ", seller: "FORNO", date: "2024-01-05", recipient: "self", price: { amount: "3.2", currency: "EUR" } };
  const doubts = (preview: ReturnType<typeof previewOf>): unknown[] => preview.candidates.map(({ doubt }) => doubt);

  test("is known, however it is written", () => {
    expect(doubts(previewOf(twice, { known: [{ kind: "purchases", value }] }))).toEqual(["known", undefined]);
  });

  test("is matched once: of two loaves one is new", () => {
    const text = "Date,Item,Shop,Price,Currency,Receipt\n2024-01-05,Bread,Forno,3.20,EUR,\n2024-01-05,Bread,Forno,3.20,EUR,\n";
    const second = text.replace(/EUR,\n$/, "EUR, \n");
    expect(doubts(previewOf(second, { known: [{ kind: "purchases", value }] }))).toEqual(["known", undefined]);
    expect(doubts(previewOf(text, { known: [{ kind: "purchases", value }] }))).toEqual(["known", "repeated"]);
  });

  test("in contacts: an address in capitals, a number with and without its country, a street written otherwise", () => {
    const card = [
      "BEGIN:VCARD",
      "VERSION:4.0",
      "FN:Uno",
      "EMAIL:UNO@Posta.example",
      "TEL:040 55 50 123",
      "ADR:;;via roma, 1;Trieste;;34121;Italy",
      "BDAY:19840229",
      "END:VCARD",
    ];
    const known = [
      { kind: "profile/name", value: { given: "Due" } },
      { kind: "profile/emails", value: { address: "uno@posta.example" } },
      { kind: "profile/phones", value: { number: "+39 040 5550123" } },
      { kind: "profile/addresses", value: { street: "Via Roma 1", postcode: "34121", locality: "TRIESTE", countryCode: "IT" } },
      { kind: "profile/birthday", value: null },
    ];
    expect(doubts(previewOf(card.join("\n"), { known }))).toEqual(["differs", "known", "known", "known", undefined]);
  });
});

describe("too much", () => {
  test("a million lines are refused by their number, at once", () => {
    const text = "a,b\n".repeat(1_000_000);
    const before = performance.now();
    expect(refusalOf(() => read(text))).toEqual({ code: "too-many-lines", detail: 1_000_001 });
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test("fifty megabytes are refused by their size", () => {
    expect(refusalOf(() => read(new Uint8Array(50_000_000).fill(97)))).toEqual({ code: "too-big", detail: 50_000_000 });
  });
});
