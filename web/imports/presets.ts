import type { Field } from "./mapping.ts";

/**
 * A known export: told by its columns, read without a question. A new one is its id and its entry in this file, and its name among the
 * catalogue's `formatNames`, which a test asks for.
 */
export interface Preset {
  /** Kept with the import. */
  readonly id: "amazon-orders" | "amazon-retail" | "temu";
  /** Columns that it can't be without. */
  readonly needs: readonly string[];
  readonly columns: Readonly<Partial<Record<Field, string>>>;
  readonly seller: string;
  /** Files in its archive. */
  readonly file?: RegExp;
}

export const PRESETS: readonly Preset[] = [
  {
    // Amazon, "Your Orders" as sent in 2026.
    id: "amazon-orders",
    needs: ["ASIN", "Order ID", "Order Date", "Product Name", "Total Amount", "Original Quantity"],
    columns: {
      item: "Product Name",
      date: "Order Date",
      amount: "Total Amount",
      currency: "Currency",
      quantity: "Original Quantity",
      order: "Order ID",
      code: "ASIN",
      status: "Order Status",
      deliveredTo: "Shipping Address",
      giftMessage: "Gift Message",
    },
    seller: "Amazon",
    file: /(^|\/)Order ?History[^/]*\.csv$/i,
  },
  {
    // Amazon, Retail.OrderHistory as sent from 2020 to 2025.
    id: "amazon-retail",
    needs: ["ASIN", "Order ID", "Order Date", "Product Name", "Total Owed"],
    columns: {
      item: "Product Name",
      date: "Order Date",
      amount: "Total Owed",
      currency: "Currency",
      quantity: "Quantity",
      order: "Order ID",
      code: "ASIN",
      status: "Order Status",
      deliveredTo: "Shipping Address",
      giftMessage: "Gift Message",
    },
    seller: "Amazon",
    file: /(^|\/)Retail\.OrderHistory\.\d+\.csv$/i,
  },
  {
    // Temu, orders as handed out on a request for one's data. The order's total would count once for each of its things.
    id: "temu",
    needs: ["Order ID", "Item description at order time", "Order time", "Price"],
    columns: { item: "Item description at order time", date: "Order time", amount: "Price", order: "Order ID" },
    seller: "Temu",
  },
];

const folded = (name: string): string => name.trim().toLowerCase();

export const presetOf = (columns: readonly string[]): Preset | undefined => {
  const names = new Set(columns.map(folded));
  return PRESETS.find(({ needs }) => needs.every((each) => names.has(folded(each))));
};

/** The preset's columns by their numbers here. */
export const columnsOf = (preset: Preset, columns: readonly string[]): Partial<Record<Field, number>> =>
  Object.fromEntries(
    Object.entries(preset.columns).flatMap(([field, name]) => {
      const at = columns.findIndex((each) => folded(each) === folded(name));
      return at === -1 ? [] : [[field, at]];
    }),
  );
