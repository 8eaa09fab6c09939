import { PRODUCT_CATEGORIES } from "#protocol/data/product-category.ts";
import type { Purchase } from "#protocol/data/purchases.ts";
import { parseAmount } from "./amount.ts";
import { isBookNumber } from "./book-number.ts";
import { type Candidate, candidateOf } from "./candidate.ts";
import { clean } from "./clean.ts";
import { parseDay } from "./day.ts";
import { hintsOf, isNothing, otherName } from "./gift-hints.ts";
import type { Field, Mapping } from "./mapping.ts";
import type { Fault, FaultCode, Place } from "./place.ts";
import type { Row, Table } from "./table.ts";

/** Lines that are no purchases, and no faults either. */
export type LeftOut = "cancelled" | "credit" | "nothing-paid";

export interface TableChoices {
  readonly mapping: Mapping;
  readonly shorten?: boolean | undefined;
  readonly today: string;
  /** The store's own name, to tell whether a parcel went to somebody else. */
  readonly own?: { readonly given: string; readonly surname?: string | undefined } | undefined;
}

export interface Purchases {
  readonly candidates: readonly Candidate[];
  readonly faults: readonly Fault[];
  readonly left: Readonly<Record<LeftOut, number>>;
}

const CANCELLED = /cancel|annull|stornier|annul[eé]|anulat|anulad|refunded|rimborsat/i;
/** A day before which nobody ordered anything: spreadsheets count from 1899, computers from 1970. */
const FIRST_DAY = "1970-01-02";

/** Every line of a table as a purchase, as its mapping says. */
export function purchasesOf(table: Table, broken: (row: Row) => boolean, choices: TableChoices, onRow?: (done: number) => void): Purchases {
  const { mapping } = choices;
  const to = mapping.columns.deliveredTo;
  const isOther =
    to === undefined
      ? () => false
      : otherName(
          table.rows.map(({ cells }) => cells[to] ?? ""),
          choices.own,
        );
  const candidates: Candidate[] = [];
  const faults: Fault[] = [...table.faults];
  const left: Record<LeftOut, number> = { cancelled: 0, credit: 0, "nothing-paid": 0 };
  table.rows.forEach((row, at) => {
    if (broken(row)) faults.push({ place: { file: row.file, line: row.line }, code: "broken-text" });
    else {
      const read = readRow(row, table.columns, choices, isOther);
      if (typeof read === "string") left[read] += 1;
      else {
        faults.push(...read.faults);
        if (read.candidate) candidates.push(read.candidate);
      }
    }
    if (at % 1000 === 999) onRow?.(at + 1);
  });
  return { candidates, faults, left };
}

function readRow(
  row: Row,
  names: readonly string[],
  { mapping, shorten, today }: TableChoices,
  isOther: (address: string) => boolean,
): LeftOut | { candidate?: Candidate; faults: readonly Fault[] } {
  const { columns } = mapping;
  const cell = (field: Field): string => {
    const at = columns[field];
    return at === undefined ? "" : (row.cells[at] ?? "");
  };
  const called = (field: Field): string | undefined => names[columns[field] ?? -1];
  const faults: Fault[] = [];
  const bad = (field: Field, code: FaultCode): undefined => {
    const name = called(field);
    const place: Place = { file: row.file, line: row.line, ...(name === undefined ? {} : { cell: name }) };
    faults.push({ place, code });
  };
  if (CANCELLED.test(cell("status"))) return "cancelled";

  const sum = cell("amount").trim();
  const read = sum === "" || /^not (available|applicable)$/i.test(sum) ? undefined : parseAmount(sum, mapping.decimal);
  if (read !== undefined && read.negative !== (mapping.meaning === "minus-spent") && !/^0(\.0*)?$/.test(read.amount)) return "credit";
  if (mapping.meaning !== "price" && (read === undefined ? sum === "" : /^0(\.0*)?$/.test(read.amount))) return "nothing-paid";
  if (sum !== "" && read === undefined && !/^not (available|applicable)$/i.test(sum)) bad("amount", "amount");

  const date = dayOf(cell("date"), mapping, today, (code) => bad("date", code));
  const item = clean(cell("item"));
  const seller = clean(cell("seller")) || clean(mapping.seller);
  if (item === "") bad("item", "missing");
  if (seller === "") bad("seller", "missing");
  const currency = clean(cell("currency")).toUpperCase() || read?.currency || mapping.currency;
  if (read !== undefined && !/^[A-Z]{3}$/.test(currency)) bad("currency", "no-currency");
  const quantity = quantityOf(cell("quantity"), () => bad("quantity", "quantity"));
  if (faults.length > 0) return { faults };

  const code = clean(cell("code"));
  const order = clean(cell("order"));
  const category = categoryOf(clean(cell("category")), code);
  const hints = hintsOf({
    otherName: isOther(cell("deliveredTo")),
    message: cell("giftMessage"),
    wrap: cell("giftWrap"),
    date: date ?? "",
  });
  const value: Partial<Purchase> = {
    item,
    seller,
    date: date ?? "",
    recipient: "unknown",
    ...(category === undefined ? {} : { category }),
    ...(read === undefined ? {} : { price: { amount: read.amount, currency } }),
    ...(quantity === undefined || quantity === 1 ? {} : { quantity }),
    ...(isNothing(order) ? {} : { order }),
    ...(isNothing(code) ? {} : { code }),
    ...(hints.length === 0 ? {} : { hints }),
  };
  const cells = { item: called("item"), seller: called("seller"), order: called("order"), code: called("code"), price: called("amount") };
  return candidateOf("purchases", value, { file: row.file, line: row.line }, { shorten, cells });
}

function dayOf(text: string, { dates }: Mapping, today: string, bad: (code: FaultCode) => undefined): string | undefined {
  if (isNothing(text)) return bad("missing");
  const day = parseDay(text, dates ?? "day-first", today);
  if (day === undefined) return bad("date");
  if (day > today) return bad("date-future");
  return day < FIRST_DAY ? bad("date-old") : day;
}

function quantityOf(text: string, bad: () => undefined): number | undefined {
  if (isNothing(text)) return undefined;
  const plain = text.trim().replace(/[.,]0+$/, "");
  return /^[1-9]\d{0,4}$/.test(plain) ? Number(plain) : bad();
}

const categoryOf = (named: string, code: string): Purchase["category"] =>
  PRODUCT_CATEGORIES.find((each) => each === named.toLowerCase()) ?? (isBookNumber(code) ? "books" : undefined);
