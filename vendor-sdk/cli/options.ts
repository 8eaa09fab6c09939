import { readFile } from "node:fs/promises";
import type { JWK } from "jose";
import { csvSink } from "../crm/csv-sink.ts";
import { jsonlSink } from "../crm/jsonl-sink.ts";
import type { Sink } from "../crm/sink.ts";
import { fileState } from "../file-state.ts";
import type { SyncReport } from "../sync-report.ts";
import { createVendor, type Vendor } from "../vendor.ts";

/** A mistake in the command line: answered with a sentence and the usage. */
export class UsageError extends Error {}

const text = { type: "string" } as const;
/** What every command but `init` takes. */
export const COMMON = { server: text, "client-id": text, keys: text, state: text } as const;

type Values = Record<string, string | boolean | undefined>;

export function required(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is missing`);
  return value;
}

const optional = (values: Values, name: string, otherwise: string): string => {
  const value = values[name];
  return typeof value === "string" ? value : otherwise;
};

async function keysIn(path: string): Promise<JWK[]> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as JWK[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new UsageError(`--keys: there is no ${path}; init makes one, and try keeps keys and state in counterfoil-try`);
  }
}

export const vendorOf = async (values: Values): Promise<Vendor> =>
  createVendor({
    server: required(values, "server"),
    clientId: required(values, "client-id"),
    keys: await keysIn(optional(values, "keys", "keys.json")),
    state: fileState(optional(values, "state", "state")),
    on: (event) => {
      if (event.type === "no-bulk") console.error("This server gives no bulk reads to this vendor: each grant is read by itself.");
      if (event.type === "no-stream") console.error(`${event.server}: no events from there now; what changes there comes with each sync.`);
      if (event.type === "moved") console.log(`${event.grant} has moved to ${event.to}`);
    },
  });

/** The file that rows go to, by its ending. */
export function sinkOf(path: string): Sink {
  if (!/\.(csv|jsonl)$/.test(path)) throw new UsageError("--to: expected a file that ends in .csv or .jsonl");
  return path.endsWith(".csv") ? csvSink(path) : jsonlSink(path);
}

/** What a sync did, in counts and codes; a fault makes the command fail. */
export function say({ created, updated, unchanged, erased, paused, held, failed, erasures, attestations }: SyncReport): void {
  console.log(
    `${created} created, ${updated} updated, ${unchanged} unchanged, ${erased} erased, ${paused} paused, ${held} held, ${failed.length} failed`,
  );
  for (const { key, remains } of erasures)
    for (const { what, why, until } of remains) console.log(`${key} keeps: ${what}, ${why}${until === null ? "" : `, until ${until}`}`);
  const { sent, waiting, refused, owed } = attestations;
  if (sent + waiting > 0) console.log(`${sent} erasures attested, ${waiting} wait for the server`);
  for (const { grant, sinks } of owed) console.log(`${grant}: not attested before it is erased in ${sinks.join(", ")}`);
  for (const { grant, error } of [...failed, ...refused])
    console.error(`${grant === "*" ? "the bulk read" : grant}: ${error.code}, ${error.message}`);
  if (failed.length > 0) process.exitCode = 1;
}
