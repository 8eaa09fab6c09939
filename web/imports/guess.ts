import { decimalSign, parseAmount } from "./amount.ts";
import { orderOf, parseDay } from "./day.ts";
import { FIELDS, type Field, type Mapping, type Meaning } from "./mapping.ts";
import { columnsOf, type Preset } from "./presets.ts";
import type { Table } from "./table.ts";

/** What columns are called in the tables that people have: our own export, shops, banks; English, Italian, German, French, Romanian, Spanish. */
const NAMES: Readonly<Record<Field, RegExp>> = {
  item: /^(item( (name|title|description))?|product( name| title)?|title|name|description|descrizione( operazione)?|causale|articolo|prodotto|artikel(bezeichnung)?|produkt|bezeichnung|verwendungszweck|buchungstext|d[eé]signation|article|libell[eé]|produit|produs|denumire|descriere|detalii|art[ií]culo|producto|concepto|details?|memo|narrative|transaction description|reference)$/i,
  seller:
    /^(seller|shop|store|merchant( name)?|vendor|payee|retailer|seller name|negozio|esercente|venditore|beneficiario|controparte|h[aä]ndler|verk[aä]ufer|empf[aä]nger|beg[uü]nstigter.*|auftraggeber.*|zahlungsempf[aä]nger.*|vendeur|magasin|commer[cç]ant|magazin|comerciant|vanzator|tienda|vendedor|comercio|counterparty|partner( name)?|name \/ description)$/i,
  date: /^((order|purchase|transaction|booking|posting|posted|value|sale|completed|started)?[ _-]?date|date (of purchase|ordered|posted)|order (time|placed)|data( (operazione|contabile|acquisto|ordine|valuta))?|datum|buchungstag|buchungsdatum|bestelldatum|kaufdatum|valutadatum|date (d'achat|de commande|op[eé]ration|comptable)|data (comenzii|tranzac[tț]iei)|fecha( (operaci[oó]n|de compra|valor))?|day|when)$/i,
  amount:
    /^(amount|price( paid)?|total( (price|amount|paid|charged))?|order total|item total|paid|value|sum|cost|price \/ amount|importo|prezzo|totale|uscite|addebiti|dare|betrag|preis|summe|umsatz|soll|montant|prix|d[eé]bit|debit( amount)?|paid out|money out|price\.amount|withdrawals?|sum[aă]|pre[tț]|valoare|importe|precio|cargo|amount \(.*\)|betrag \(.*\)|importo \(.*\))$/i,
  currency: /^(currency( code)?|price\.currency|valuta|divisa|w[aä]hrung|devise|monnaie|moned[aă])$/i,
  quantity: /^(quantity|qty|count|units|quantit[aà]|pezzi|menge|anzahl|st[uü]ck|quantit[eé]|qt[eé]|cantitate|cantidad)$/i,
  order:
    /^(order( (id|number|no\.?|#|nr\.?))?|order_id|ordine|numero ordine|n\. ordine|bestellnummer|bestellnr\.?|num[eé]ro de commande|n° de commande|num[aă]r comand[aă]|n[uú]mero de pedido|receipt( number| no\.?)?|invoice( number)?)$/i,
  code: /^(code|asin|isbn(-?1[03])?|ean(-?13)?|gtin|sku|upc|item (number|id)|product (id|code)|article number|codice( articolo)?|artikelnummer|r[eé]f[eé]rence|cod produs)$/i,
  category: /^(category|categoria|kategorie|cat[eé]gorie|categorie)$/i,
  status: /^((order|shipment|payment) ?status|status|stato|statut|stare|estado|state)$/i,
  deliveredTo:
    /^(ship(ping|ped)? ?to( name)?|recipient( name)?|delivery name|shipping (name|address)|delivery address|destinatario|empf[aä]ngername|lieferadresse|destinataire|destinatar)$/i,
  giftMessage: /^(gift (message|note|sender name)|messaggio regalo|geschenknachricht|message cadeau)$/i,
  giftWrap: /^(gift ?wrap(ping|ped)?( charge| fee)?|is gift|gift|regalo|confezione regalo|geschenkverpackung|paquet cadeau)$/i,
};

const SAMPLE = 200;

const column = (table: Table, at: number | undefined): string[] =>
  at === undefined ? [] : table.rows.flatMap(({ cells }) => (cells[at]?.trim() ? [cells[at] ?? ""] : []));

/** The column whose values are read best, if most of them are. */
function readable(table: Table, taken: ReadonlySet<number>, reads: (value: string) => boolean): number | undefined {
  const rows = table.rows.slice(0, SAMPLE);
  const shares = table.columns.map((_, at) => {
    const values = rows.flatMap(({ cells }) => (cells[at]?.trim() ? [cells[at] ?? ""] : []));
    return { at, share: values.length < Math.max(1, rows.length / 4) || taken.has(at) ? 0 : values.filter(reads).length / values.length };
  });
  const best = shares.sort((a, b) => b.share - a.share || a.at - b.at)[0];
  return best !== undefined && best.share > 0.7 ? best.at : undefined;
}

/** Which of the account's movements were spent: minus, where there is one. */
export function meaningOf(values: readonly string[]): Meaning {
  const decimal = decimalSign(values);
  return values.some((value) => parseAmount(value, decimal)?.negative === true) ? "minus-spent" : "price";
}

/** What can be told of a column once it is chosen: how its days and sums are written. */
export function readingOf(table: Table, columns: Mapping["columns"]): Pick<Mapping, "dates" | "decimal" | "meaning"> {
  const order = orderOf(column(table, columns.date));
  const sums = column(table, columns.amount);
  return { dates: order === "unclear" ? undefined : order, decimal: decimalSign(sums), meaning: meaningOf(sums) };
}

/** How a table is read as far as it tells by itself; its customer changes what is wrong. */
export function guessMapping(table: Table, preset: Preset | undefined, today: string): Mapping {
  if (preset) {
    const columns = columnsOf(preset, table.columns);
    return { columns, seller: preset.seller, currency: "", ...readingOf(table, columns), meaning: "price" };
  }
  const columns: Partial<Record<Field, number>> = {};
  const taken = new Set<number>();
  const take = (field: Field, at: number | undefined): void => {
    if (at === undefined || at === -1 || columns[field] !== undefined) return;
    columns[field] = at;
    taken.add(at);
  };
  for (const field of FIELDS)
    take(
      field,
      table.columns.findIndex((name, at) => !taken.has(at) && NAMES[field].test(name.trim())),
    );
  const isDate = (value: string): boolean =>
    parseDay(value, "day-first", today) !== undefined || parseDay(value, "month-first", today) !== undefined;
  // A name may mislead: a column called date without a day in it is none.
  if (columns.date !== undefined && column(table, columns.date).slice(0, SAMPLE).filter(isDate).length === 0) {
    taken.delete(columns.date);
    delete columns.date;
  }
  take("date", readable(table, taken, isDate));
  const decimal = decimalSign(table.rows.slice(0, SAMPLE).flatMap(({ cells }) => cells.filter((cell) => /\d[.,]\d{2}\b/.test(cell))));
  take(
    "amount",
    readable(table, taken, (value) => /[.,]\d{2}\D*$/.test(value) && parseAmount(value, decimal) !== undefined),
  );
  take(
    "item",
    readable(table, taken, (value) => /\p{L}{3}/u.test(value)),
  );
  // A bank's line names whoever was paid, and nothing else.
  if (columns.item === undefined && columns.seller !== undefined) columns.item = columns.seller;
  const currency = currencyIn(table, columns.amount);
  return { columns, seller: "", currency, ...readingOf(table, columns) };
}

/** `Amount (EUR)`: a currency in the column's own name. */
function currencyIn(table: Table, at: number | undefined): string {
  const named = /\b([A-Z]{3})\b/.exec(at === undefined ? "" : (table.columns[at] ?? ""))?.[1];
  return named !== undefined && named !== "SUM" ? named : "";
}
