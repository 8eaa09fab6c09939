/**
 * Where a spreadsheet would take a text for a formula (= + - @, also full-width, tab and line breaks), and our own mark. Not only at the
 * start of a cell: a spreadsheet that expects semicolons or tabs between cells cuts a quoted one there.
 */
const RISKY = /(?<=(?:^|[;\t\r\n])[ "\u00a0\ufeff\u200b-\u200f]*)(?=['=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g;
const MARK = /(?<=(?:^|[;\t\r\n])[ "\u00a0\ufeff\u200b-\u200f]*)'/g;

// Most texts have nothing of it: a tenth of the time.
const SUSPECT = /['=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A text that no spreadsheet runs: an apostrophe stands before what could be a formula. `readCell` takes it away again. */
export const safeCell = (text: string): string => (SUSPECT.test(text) ? text.replace(RISKY, "'") : text);

/** The text of a cell as `safeCell` wrote it. */
export const readCell = (cell: string): string => (cell.includes("'") ? cell.replace(MARK, "") : cell);

/** Name of the first column of every table of ours: by it a reader knows that `readCell` is due. */
export const FIRST_COLUMN = "path";

const quoted = (cell: string): string => (/[",;\t\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** One row as RFC 4180, 2 has it. */
export const csvRow = (cells: readonly string[]): string => `${cells.map((cell) => quoted(safeCell(cell))).join(",")}\r\n`;

/** For spreadsheets, which else take UTF-8 for something older. */
export const BYTE_ORDER_MARK = "\ufeff";

/** A value's members by name: inner ones after a dot, list places counted from 1. A list or an object that is empty has no cell. */
export function flat(value: unknown, name = ""): Map<string, string> {
  const cells = new Map<string, string>();
  const put = (inner: string | number, each: unknown): void => {
    for (const [key, cell] of flat(each, name === "" ? String(inner) : `${name}.${inner}`)) cells.set(key, cell);
  };
  if (Array.isArray(value)) for (const [at, each] of value.entries()) put(at + 1, each);
  else if (typeof value === "object" && value !== null) for (const [key, each] of Object.entries(value)) put(key, each);
  else if (value !== undefined && value !== null) cells.set(name, String(value));
  return cells;
}

/**
 * One kind's records as a table: first the path, then every member that any of them has.
 * @param order members that come first, in this order
 */
export function* csvOf(
  records: ReadonlyArray<{ readonly path: string; readonly value: unknown }>,
  order: readonly string[],
): Generator<string> {
  const names = new Set<string>();
  for (const { value } of records) for (const name of flat(value).keys()) names.add(name);
  const rank = (name: string): number => {
    const at = order.indexOf(name.split(".", 1)[0] ?? name);
    return at < 0 ? order.length : at;
  };
  const columns = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, "en", { numeric: true }));
  yield BYTE_ORDER_MARK + csvRow([FIRST_COLUMN, ...columns]);
  for (const { path, value } of records) {
    const cells = flat(value);
    yield csvRow([path, ...columns.map((column) => cells.get(column) ?? "")]);
  }
}
