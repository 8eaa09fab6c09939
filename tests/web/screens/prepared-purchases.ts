import type { Purchase } from "#protocol/data/purchases.ts";
import type { RecordView } from "../../../web/vault/vault.ts";

type Row = [item: string, seller: string, date: string, amount: string, over: Partial<Purchase>];

const NAMED: Row[] = [
  ["Invisible Cities", "Amazon", "2026-10-11", "11.40", { category: "books", recipient: "self", code: "0099429837" }],
  ["The Book of Tea", "Amazon", "2026-09-02", "8.90", { category: "books", recipient: "gift", hints: ["other-name"] }],
  ["Danube", "Amazon", "2026-08-19", "14.00", { category: "books", recipient: "household" }],
  ["Moka pot, 3 cups", "Casalinghi Bora", "2026-07-30", "24.90", { category: "kitchen", recipient: "self", warrantyUntil: "2028-07-30" }],
  ["Running shoes, 39", "Sport Carso", "2026-11-09", "89.95", { category: "shoes", recipient: "self", returnBy: "2026-12-09" }],
  ["Toner cartridge", "Amazon", "2026-03-14", "61.00", { category: "computing", recipient: "work", order: "405-1112223-4445556" }],
  ["Wooden train", "Amazon", "2025-12-18", "39.00", { category: "toys", recipient: "unknown", hints: ["season", "gift-wrap"] }],
  ["Desk lamp", "Amazon", "2025-11-21", "34.50", { recipient: "unknown" }],
];

const YEARS = ["2024", "2025", "2026"];
const MORE: Row[] = Array.from({ length: 52 }, (_, at) => [
  `Paperback number ${at + 1}`,
  at % 3 === 0 ? "Libreria Aldina" : "Amazon",
  `${YEARS[at % 3]}-${String((at % 9) + 1).padStart(2, "0")}-${String((at % 27) + 1).padStart(2, "0")}`,
  `${7 + (at % 11)}.50`,
  { category: "books", recipient: at % 5 === 0 ? "unknown" : "self" },
]);

/** The first one counts in what a shop knows of tastes. */
const TASTES = [
  { grant: "grant-42", name: "Libreria Aldina", path: "purchases:tastes", until: new Date(Date.now() + 40 * 86_400_000).toISOString() },
];

/** Sixty purchases of three years, as an import leaves them. */
export const purchases: RecordView[] = [...NAMED, ...MORE].map(([item, seller, date, amount, over], at) => ({
  path: `purchases/p${at + 1}`,
  kind: "purchases",
  value: { item, seller, date, price: { amount, currency: "EUR" }, recipient: "unknown", ...over } satisfies Purchase,
  version: 1,
  source: "m1",
  sharedWith: at === 0 ? TASTES : [],
}));

const SHOPS = ["Amazon", "Libreria Aldina", "Casalinghi Bora", "Sport Carso"];

/** Purchases by the thousand, each with words of its own. */
export const manyPurchases = (count: number): RecordView[] =>
  Array.from({ length: count }, (_, at) => ({
    path: `purchases/q${at + 1}`,
    kind: "purchases",
    value: {
      item: `Thing ${at + 1}, ${at % 2 === 0 ? "crème brûlée" : "naïve"} edition`,
      seller: SHOPS[at % SHOPS.length] ?? "",
      date: `20${String(10 + (at % 16)).padStart(2, "0")}-${String((at % 12) + 1).padStart(2, "0")}-${String((at % 28) + 1).padStart(2, "0")}`,
      price: { amount: `${at % 400}.90`, currency: "EUR" },
      category: at % 3 === 0 ? "books" : "kitchen",
      recipient: "self",
    } satisfies Purchase,
    version: 1,
    source: "m1",
    sharedWith: [],
  }));
