import { beforeAll, describe, expect, test, vi } from "vitest";
import { fold } from "../../../web/parts/fold.ts";
import type { RecordView } from "../../../web/vault/vault.ts";
import { manyPurchases } from "./prepared-purchases.ts";

vi.stubGlobal("document", { documentElement: {} });
const { found } = await import("../../../web/customer/data/found.ts");
const { loadAreas, loadWords } = await import("../../../web/locales/words.ts");

beforeAll(async () => {
  await loadWords("en");
  await loadAreas(["form"]);
});

const purchase = (item: string, over: object = {}): RecordView => ({
  path: `purchases/${item.length}`,
  kind: "purchases",
  value: { item, seller: "Amazon", date: "2026-08-19", recipient: "self", ...over },
  version: 1,
  source: null,
  sharedWith: [],
});
const items = (records: readonly RecordView[]) => records.map(({ value }) => (value as { item: string }).item);

describe("searching", () => {
  const records = [purchase("Crème brûlée"), purchase("Straßenatlas", { category: "books" }), purchase("Łódź, İstanbul и Ёлка")];

  test.each([
    ["creme BRULEE", ["Crème brûlée"]],
    ["brulee creme", ["Crème brûlée"]],
    ["strassen", ["Straßenatlas"]],
    ["lodz istanbul елка", ["Łódź, İstanbul и Ёлка"]],
    // What is shown for a code is what one looks for.
    ["books", ["Straßenatlas"]],
    ["19 aug 2026", ["Crème brûlée", "Straßenatlas", "Łódź, İstanbul и Ёлка"]],
    ["creme strassen", []],
    [" ", ["Crème brûlée", "Straßenatlas", "Łódź, İstanbul и Ёлка"]],
  ])("%s", (query, expected) => {
    expect(items(found(records, query))).toEqual(expected);
  });

  test("what has no width hides nothing", () => {
    expect(items(found([purchase("Da\u200bnu\u00adbe")], "danube"))).toHaveLength(1);
    expect(fold("\u202eDanube\u202c")).toBe("danube");
  });
});

describe("ordering", () => {
  const old = purchase("b", { date: "2020-01-01", price: { amount: "9.00", currency: "EUR" } });
  const late = purchase("Á", { date: "2026-01-01", seller: "Bora", price: { amount: "10.50", currency: "EUR" } });
  const shared = { ...purchase("c", { date: "2023-01-01" }), sharedWith: [{ grant: "g", name: "n", path: "purchases", until: "" }] };
  test.each([
    ["newest", ["Á", "c", "b"]],
    ["oldest", ["b", "c", "Á"]],
    ["name", ["Á", "b", "c"]],
    ["seller", ["c", "b", "Á"]],
    ["dearest", ["Á", "b", "c"]],
    ["shared", ["c", "Á", "b"]],
  ] as const)("%s first", (order, expected) => {
    const records = [old, late, shared];
    expect(items(found(records, "", order))).toEqual(expected);
    expect(records).toEqual([old, late, shared]);
  });
});

test("ten thousand are searched anew for each letter within a frame's reach, once folded", () => {
  const records = manyPurchases(10_000);
  const first = performance.now();
  expect(found(records, "creme", "newest")).toHaveLength(5000);
  const second = performance.now();
  expect(found(records, "naive 9999")).toHaveLength(0);
  expect(found(records, "thing 9999")).toHaveLength(1);
  const end = performance.now();
  // Generous: it guards against folding anew or worse than linear work, not a figure.
  expect(end - second).toBeLessThan(Math.max(200, second - first));
});
