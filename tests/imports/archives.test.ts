import { strToU8, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { entriesOf, unpack } from "../../web/imports/archive.ts";
import { faultsOf, fixture, previewOf, read, refusalOf, valuesOf } from "./fixture.ts";

const orders = fixture("amazon-order-history-2026.csv");
const older = fixture("amazon-retail-order-history-2023.csv");

describe("archives", () => {
  test("Amazon's is read as it comes, pictures and all; faults name the file in it", () => {
    const zip = zipSync({
      "Your Orders/Photos/1.jpg": [new Uint8Array(200_000).map((_, at) => (at * 7919) % 251), { level: 0 }],
      "Your Orders/Order History.csv": orders,
      "Your Orders/Refund Details.csv": strToU8("Order ID,Refund Amount\n1,2\n"),
    });
    const { found, preview } = read(zip, {}, "Your Orders.zip");
    expect(found).toMatchObject({ file: "Your Orders.zip/Your Orders/Order History.csv", format: "amazon-orders", rows: 4 });
    expect(preview?.candidates).toHaveLength(3);
  });

  test("an export in several parts is one table, and what stands in two of them is doubled", () => {
    const zip = zipSync({
      "Retail.OrderHistory.1/Retail.OrderHistory.1.csv": older,
      "Retail.OrderHistory.2/Retail.OrderHistory.2.csv": older,
      "Digital.Borrows.1/Digital.Borrows.1.csv": strToU8("a,b\n1,2\n"),
    });
    const { found, preview } = read(zip, {}, "Your Orders.zip");
    expect(found).toMatchObject({ file: "Your Orders.zip", rows: 16 });
    expect(preview?.candidates.filter(({ doubt }) => doubt === undefined)).toHaveLength(5);
    expect(preview?.candidates.at(-1)?.place.file).toBe("Your Orders.zip/Retail.OrderHistory.2/Retail.OrderHistory.2.csv");
  });

  test("where several could be meant, one is asked which", () => {
    const zip = zipSync({
      "a.csv": strToU8("Date,Item,Shop\n2024-01-05,Bread,Forno\n"),
      "me.vcf": fixture("thunderbird-128.vcf"),
      "x.png": new Uint8Array(9),
    });
    const { found, preview } = read(zip, {}, "all.zip");
    expect(found).toMatchObject({ shape: "files", files: ["a.csv", "me.vcf"] });
    expect(preview).toBeUndefined();
    expect(valuesOf(previewOf(zip, { entry: "me.vcf" }, "all.zip"), "profile/name")).toEqual([{ given: "Mojca", surname: "Kovač" }]);
  });

  test("a bomb is refused by the name of its file, long before it has gone off", () => {
    const bomb = zipSync({ "orders.csv": new Uint8Array(12_000_000).fill(44) });
    expect(bomb.length).toBeLessThan(40_000);
    expect(refusalOf(() => read(bomb))).toEqual({ code: "zip-bomb", detail: "orders.csv" });
  });

  test("a bomb that lies about its size grows to the limit and no further", () => {
    const noise = Uint8Array.from({ length: 3_000_000 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) & 255);
    const zip = zipSync({ "orders.csv": noise });
    const [entry] = entriesOf(zip);
    expect(entry && refusalOf(() => unpack(zip, { ...entry, unpacked: 10 }, 1_000_000))).toEqual({
      code: "zip-bomb",
      detail: "orders.csv",
    });
    expect(entry && Buffer.from(unpack(zip, entry)).equals(noise)).toBe(true);
  });

  test("a size beyond the limit is refused before a byte is unpacked", () => {
    const zip = zipSync({ "orders.csv": new Uint8Array(31_000_000) });
    expect(refusalOf(() => read(zip))).toEqual({ code: "too-big", detail: 31_000_000 });
  });

  test.each([
    ["cut off", (zip: Uint8Array) => zip.subarray(0, zip.length - 30)],
    ["without its middle", (zip: Uint8Array) => Uint8Array.from([...zip.subarray(0, 200), ...zip.subarray(260)])],
    ["with other bytes", (zip: Uint8Array) => zip.map((byte, at) => (at > 80 && at < 600 ? byte ^ 0x5a : byte))],
  ])("an archive %s is refused as torn", (_, tear) => {
    expect(refusalOf(() => read(tear(zipSync({ "orders.csv": orders }))))?.code).toBe("zip-broken");
  });

  test("with a password: named", () => {
    const zip = zipSync({ "orders.csv": orders });
    zip[entryAt(zip) + 8] = 1;
    expect(refusalOf(() => read(zip))).toEqual({ code: "zip-locked", detail: "orders.csv" });
  });

  test.each([
    [{ "xl/workbook.xml": "<x/>" }, { code: "not-text", detail: "spreadsheet" }],
    [{ "photo.jpg": "x" }, { code: "zip-nothing", detail: undefined }],
    [{ "__MACOSX/._a.csv": "x" }, { code: "zip-nothing", detail: undefined }],
  ])("%j is refused by what it is", (files, refusal) => {
    const zip = zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
    expect(refusalOf(() => read(zip))).toEqual(refusal);
  });

  test("an archive in an archive is not opened", () => {
    const zip = zipSync({ "orders.csv": zipSync({ "a.csv": orders }) });
    expect(refusalOf(() => read(zip))?.code).toBe("zip-nothing");
  });
});

/** Where the directory's first entry is. */
const entryAt = (zip: Uint8Array): number =>
  zip.findIndex((_, at) => zip[at] === 0x50 && zip[at + 1] === 0x4b && zip[at + 2] === 0x01 && zip[at + 3] === 0x02);

describe("other files", () => {
  test.each([
    ["", { code: "empty", detail: undefined }],
    [" \n\n ", { code: "empty", detail: undefined }],
    ["%PDF-1.7 …", { code: "not-text", detail: "pdf" }],
    ["<!DOCTYPE html><html>", { code: "not-text", detail: "page" }],
    ["one line of words", { code: "no-table", detail: undefined }],
    ['{\n  "a": 1,\n  oops\n}', { code: "json-broken", detail: 3 }],
    ['{"a": 1}', { code: "json-unknown", detail: undefined }],
    ["BEGIN:VCALENDAR\nEND:VCALENDAR", { code: "unknown", detail: undefined }],
    ["a name\u0000 of a thing", { code: "not-text", detail: undefined }],
    [
      `{"id":"AAAAAAAAAAAAAAAAAAAAAA","made":"2026-11-22T00:00:00Z","type":"https://w3id.org/counterfoil/export/1"}\nAAAA\n`,
      { code: "sealed", detail: undefined },
    ],
    [`{"type":"https://w3id.org/counterfoil/export/9"}\nAAAA\n`, { code: "older-app", detail: undefined }],
  ])("%j is refused by what it is", (text, refusal) => {
    expect(refusalOf(() => read(text))).toEqual(refusal);
  });
});

describe("our own export", () => {
  const made = {
    "@context": {},
    made: "2026-11-22T00:00:00Z",
    created: "2026-01-01T00:00:00Z",
    records: [
      { "@type": "Person", path: "profile/name", value: { given: "Ottavia" } },
      { path: "profile/emails/e1", value: { address: "uno@posta.example" }, source: "AAAAAAAAAAAAAAAAAAAAAA" },
      { path: "preferences/contact", value: { channels: [{ channel: "email", allowed: true, target: "profile/emails/e1" }] } },
      { path: "purchases/p1", value: { item: "Tea", seller: "Aldina", date: "2026-01-01", recipient: "gift" } },
      { path: "purchases/p2", value: { item: "Tea" } },
      { path: "profile/birthday", value: null },
      { path: "imports/m1", value: { at: "2026-01-01T00:00:00Z", file: "x", format: "csv", count: 1, state: "done", replaced: [] } },
      { path: "nonsense/x", value: 1 },
    ],
    vendors: [{ relationship: "relationships/r1", client_id: "https://a.example", name: "A", card: {} }],
    connections: [],
  };

  test("brings its records as they are, for whom they were too; what belongs to the other store stays there", () => {
    const { found, preview } = read(JSON.stringify(made), {}, "store.json");
    expect(found).toMatchObject({ format: "counterfoil", shape: "records", count: 8 });
    expect(preview?.candidates.map(({ path, value }) => [path, value])).toEqual([
      ["profile/name", { given: "Ottavia" }],
      ["profile/emails", { address: "uno@posta.example" }],
      ["preferences/contact", { channels: [{ channel: "email", allowed: true }] }],
      ["purchases", { item: "Tea", seller: "Aldina", date: "2026-01-01", recipient: "gift" }],
    ]);
    expect(preview && faultsOf(preview)).toEqual([
      "records/4/seller: missing",
      "records/4/date: missing",
      "records/4/recipient: missing",
      "records/7: unknown-kind",
    ]);
    expect(preview?.left).toEqual({ stays: 2 });
  });

  test("is found in its archive", () => {
    const zip = zipSync({ "README.txt": strToU8("x"), "store.json": strToU8(JSON.stringify(made)), "csv/purchases.csv": strToU8("a,b\n") });
    expect(read(zip, {}, "counterfoil.zip").found).toMatchObject({ format: "counterfoil", shape: "records" });
  });
});
