import { kindAt } from "#protocol/categories.ts";
import { readConsent } from "#protocol/consent-token.ts";
import type { PlainExport } from "../vault/vault.ts";
import { csvOf } from "./csv.ts";
import { byKind, type ExportedFile } from "./exported.ts";
import { type PageWords, page } from "./page.ts";
import { storeJson } from "./store-json.ts";
import { vcardOf } from "./vcard.ts";
import { orderOf } from "./vocabulary.ts";

const kindOf = (path: string): string | undefined => kindAt(path)?.path;

type Connection = PlainExport["connections"][number];

/** A name that means the same on every system, and nothing else: no folder, no drive, no dot at its start. */
const fileName = ({ number, client }: Connection): string =>
  `${String(number).padStart(4, "0")}-${
    client.domain
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, "-")
      .replace(/^[.-]+/, "")
      .slice(0, 60) || "shop"
  }`;

/** What was signed and what is known of it, in one file for each connection. */
function* connectionJson(connection: Connection): Generator<string> {
  let claims: unknown = null;
  try {
    claims = readConsent(connection.consent);
  } catch {
    // The signed text beside it says what there is.
  }
  yield `${JSON.stringify({ ...connection, claims }, null, 2)}\n`;
}

/**
 * The files of a plain export. A further format is one entry here and a line about it in the catalogue's text of README.txt.
 * @param readme lines of README.txt
 * @param records each grant's record and receipt (ISO/IEC TS 27560, JSON-LD)
 */
export async function plainFiles(
  store: PlainExport,
  words: PageWords,
  readme: readonly string[],
  records: ReadonlyMap<string, object> = new Map(),
): Promise<ExportedFile[]> {
  const names = new Set<string>();
  const nameOf = (connection: Connection): string => {
    const name = fileName(connection);
    const free = names.has(name) ? `${name}-${connection.grant}` : name;
    names.add(free);
    return `connections/${free}`;
  };
  const connectionFiles = (connection: Connection): ExportedFile[] => {
    const name = nameOf(connection);
    const record = records.get(connection.grant);
    return [
      { name: `${name}.json`, pieces: connectionJson(connection) },
      ...(record === undefined ? [] : [{ name: `${name}.jsonld`, pieces: [`${JSON.stringify(record, null, 2)}\n`] }]),
    ];
  };
  return [
    { name: "README.txt", pieces: [`${readme.join("\r\n")}\r\n`] },
    { name: "index.html", pieces: await page(store, kindOf, words) },
    { name: "store.json", pieces: storeJson(store) },
    { name: "contacts.vcf", pieces: [vcardOf(store.records, store.made)] },
    ...[...byKind(store.records, kindOf)].map(([kind, records]) => ({
      name: `csv/${kind.replaceAll("/", "-")}.csv`,
      pieces: csvOf(records, orderOf(kind)),
    })),
    ...store.connections.flatMap(connectionFiles),
  ];
}
