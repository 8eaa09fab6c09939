/** What a column can say of a purchase. */
export const FIELDS = [
  "item",
  "seller",
  "date",
  "amount",
  "currency",
  "quantity",
  "order",
  "code",
  "category",
  "status",
  "deliveredTo",
  "giftMessage",
  "giftWrap",
] as const;
export type Field = (typeof FIELDS)[number];

export type DateOrder = "day-first" | "month-first";
export type Decimal = "." | ",";
/** What the sums mean: a price, or the movements of an account. */
export type Meaning = "price" | "minus-spent" | "plus-spent";

/** How the columns of a table become purchases. */
export interface Mapping {
  /** Which column says what, from 0. */
  readonly columns: Readonly<Partial<Record<Field, number>>>;
  /** The shop, where no column names it. */
  readonly seller: string;
  /** ISO 4217, where neither a column nor a sum names it. */
  readonly currency: string;
  /** Undefined while it has to be asked. */
  readonly dates: DateOrder | undefined;
  readonly decimal: Decimal;
  readonly meaning: Meaning;
}
