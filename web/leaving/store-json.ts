import { kindAt } from "#protocol/categories.ts";
import type { PlainExport } from "../vault/vault.ts";
import { CONTEXT, typeOf } from "./vocabulary.ts";

/** The whole store as JSON that is JSON-LD 1.1 too, one entry on each line. */
export function* storeJson({ made, created, records, vendors, connections }: PlainExport): Generator<string> {
  yield `{"@context":${JSON.stringify(CONTEXT)},\n"@type":"Store","made":${JSON.stringify(made)},"created":${JSON.stringify(created)}`;
  yield* entries("records", records, ({ path }) => typeOf(kindAt(path)?.path ?? "cf:Record"));
  yield* entries("vendors", vendors, () => "Vendor");
  yield* entries("connections", connections, () => "Connection");
  yield "\n}\n";
}

function* entries<T extends object>(name: string, all: readonly T[], type: (each: T) => string): Generator<string> {
  yield `,\n"${name}":[`;
  for (const [at, each] of all.entries()) yield `${at === 0 ? "" : ","}\n${JSON.stringify({ "@type": type(each), ...each })}`;
  yield "\n]";
}
