/**
 * RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV Injection), and so does one
 * that looks as if it had one already, so that reading gives back exactly what was written.
 */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;
const NEUTRALISED = /^'+[=+\-@\t\r\n＝＋－＠]/;

const cell = (text: string): string => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /["',\r\n;\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const formatCsv = (rows: readonly (readonly string[])[]): string => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

/** @throws {SyntaxError} on a quote that is never closed, or text after a closing quote */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\u{feff}") ? 1 : 0;
  while (at < text.length) {
    const { value, next } = text[at] === '"' ? quoted(text, at + 1) : bare(text, at);
    row.push(NEUTRALISED.test(value) ? value.slice(1) : value);
    const separator = text[next];
    if (separator !== undefined && !",\r\n".includes(separator)) throw new SyntaxError("text after a closing quote");
    at = next + (separator === "\r" && text[next + 1] === "\n" ? 2 : 1);
    if (separator === ",") {
      if (at >= text.length) row.push("");
      else continue;
    }
    rows.push(row);
    row = [];
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

function bare(text: string, from: number): { value: string; next: number } {
  let next = from;
  while (next < text.length && !",\r\n".includes(text[next] as string)) next++;
  return { value: text.slice(from, next), next };
}

function quoted(text: string, from: number): { value: string; next: number } {
  let value = "";
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new SyntaxError("a quote is never closed");
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, next: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}
