import { sha256 } from "#protocol/canonical.ts";
import type { PlainExport } from "../vault/vault.ts";
import { flat } from "./csv.ts";
import { byKind } from "./exported.ts";
import { orderOf } from "./vocabulary.ts";

/** The words of a page that is read without this app. */
export interface PageWords {
  /** BCP 47 */
  readonly tag: string;
  readonly title: string;
  readonly lead: string;
  readonly shops: string;
  readonly given: string;
  readonly until: string;
  readonly state: string;
  readonly paths: string;
  readonly lastRead: string;
  readonly shop: string;
  readonly kind: (path: string) => string;
  readonly field: (name: string) => string;
  readonly stateOf: (state: string) => string;
  readonly day: (at: string) => string;
}

const STYLE =
  ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}" +
  ".wide{overflow-x:auto}table{border-collapse:collapse}th,td{border:1px solid gray;padding:.3rem .6rem;text-align:start;vertical-align:top}" +
  "bdi{white-space:pre-wrap;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .6rem}";

const SIGNS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML, in an isolate of its own: what runs from right to left stays in its place. NUL has no form in HTML. */
export const htmlText = (text: string): string =>
  `<bdi>${text
    .replace(/[&<>"']/g, (sign) => SIGNS[sign] ?? "")
    .replaceAll("\0", "\ufffd")
    .replaceAll("\r", "&#13;")}</bdi>`;

const row = (tag: "th" | "td", cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>\n`;

/** The store as a page that can be read and printed: no script, nothing fetched, nothing that leads away. */
export async function page(store: PlainExport, kindOf: (path: string) => string | undefined, words: PageWords): Promise<Iterable<string>> {
  const hash = btoa(String.fromCharCode(...(await sha256(STYLE))));
  return pieces(store, kindOf, words, `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
}

function* pieces(store: PlainExport, kindOf: (path: string) => string | undefined, words: PageWords, policy: string): Generator<string> {
  yield `<!doctype html>\n<html lang="${words.tag.replace(/[^A-Za-z-]/g, "")}">\n<head>\n<meta charset="utf-8">\n`;
  yield `<meta http-equiv="Content-Security-Policy" content="${policy}">\n<meta name="viewport" content="width=device-width">\n`;
  yield `<title>${htmlText(words.title).slice(5, -6)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n`;
  yield `<h1>${htmlText(words.title)}</h1>\n<p>${htmlText(words.lead)}</p>\n`;
  for (const [kind, records] of byKind(store.records, kindOf)) {
    yield `<h2>${htmlText(words.kind(kind))}</h2>\n`;
    if (records.length === 1 && records[0]?.path === kind) {
      yield "<dl>\n";
      for (const [name, cell] of flat(records[0].value)) yield `<dt>${label(name, words)}</dt><dd>${htmlText(cell)}</dd>\n`;
      yield "</dl>\n";
    } else yield* table(kind, records, words);
  }
  yield* shops(store, words);
  yield "</body>\n</html>\n";
}

const label = (name: string, { field }: PageWords): string =>
  htmlText(
    name
      .split(".")
      .map((part) => (/^\d+$/.test(part) ? part : field(part)))
      .join(" "),
  );

function* table(kind: string, records: ReadonlyArray<{ readonly value: unknown }>, words: PageWords): Generator<string> {
  const order = orderOf(kind);
  const names = new Set<string>();
  for (const { value } of records) for (const name of flat(value).keys()) names.add(name);
  const at = (name: string): number => order.indexOf(name.split(".", 1)[0] ?? name);
  const columns = [...names].sort((a, b) => at(a) - at(b));
  yield `<div class="wide"><table>\n<thead>${row(
    "th",
    columns.map((name) => label(name, words)),
  )}</thead>\n<tbody>\n`;
  for (const { value } of records) {
    const cells = flat(value);
    yield row(
      "td",
      columns.map((name) => htmlText(cells.get(name) ?? "")),
    );
  }
  yield "</tbody></table></div>\n";
}

function* shops({ vendors, connections }: PlainExport, words: PageWords): Generator<string> {
  if (vendors.length + connections.length === 0) return;
  yield `<h2>${htmlText(words.shops)}</h2>\n`;
  for (const { name, card } of vendors) {
    yield `<h3>${htmlText(name)}</h3>\n<dl>\n`;
    for (const [member, cell] of flat(card)) yield `<dt>${label(member, words)}</dt><dd>${htmlText(cell)}</dd>\n`;
    yield "</dl>\n";
  }
  if (connections.length === 0) return;
  const heads = ["№", words.shop, words.state, words.paths, words.given, words.until, words.lastRead].map(htmlText);
  yield `<div class="wide"><table>\n<thead>${row("th", heads)}</thead>\n<tbody>\n`;
  for (const { number, client, state, details, given, expires, endedAt, reads } of connections) {
    const paths = details.flatMap((detail) => detail.paths).join("\n");
    const last = reads
      .map(({ at }) => at)
      .sort()
      .at(-1);
    const cells = [String(number), `${client.client_name} (${client.domain})`, words.stateOf(state), paths];
    const days = [given, endedAt ?? expires].map(words.day);
    yield row("td", [...cells, ...days, last === undefined ? "" : words.day(last)].map(htmlText));
  }
  yield "</tbody></table></div>\n";
}
