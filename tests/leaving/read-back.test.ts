import { expect, test } from "vitest";
import { readTable } from "../../web/imports/table.ts";
import { csvOf } from "../../web/leaving/csv.ts";
import { orderOf } from "../../web/leaving/vocabulary.ts";

test("our own importer has the texts of a table as they were", () => {
  const items = ["=1+1", "'quoted", "-5 °C thermos", "@home; =2", "Città, con virgola", 'Il "libro"', "ספרים", "+39 cards"];
  const records = items.map((item, at) => ({
    path: `purchases/p${at}`,
    value: { item, seller: "Libreria", date: "2026-01-02", recipient: "self", price: { amount: "12.50", currency: "EUR" } },
  }));
  const text = [...csvOf(records, orderOf("purchases"))].join("");
  const { columns, rows, faults } = readTable(text.replace(/^\ufeff/, ""), "csv/purchases.csv", () => false);
  expect(faults).toEqual([]);
  expect(columns.slice(0, 4)).toEqual(["path", "item", "seller", "date"]);
  expect(rows.map(({ cells }) => cells[1])).toEqual(items);
  // Of another program's table an apostrophe is the text's own.
  expect(readTable("item,seller\n'quoted,Libreria\n", "a.csv", () => false).rows[0]?.cells[0]).toBe("'quoted");
});
