#!/usr/bin/env node
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JWK } from "jose";
import { csvSink } from "./crm/csv-sink.ts";
import { jsonlSink } from "./crm/jsonl-sink.ts";
import { CounterfoilError } from "./error.ts";
import { fileState } from "./file-state.ts";
import { clientMetadata, makeKeys, publicKeys } from "./make-keys.ts";
import { createVendor } from "./vendor.ts";

const USAGE = `counterfoil-vendor init --client-id URL --name NAME --legal-name NAME --country XX --dpo URL --redirect URL [--out FOLDER]
  Makes keys.json (private: keep it from everyone), and client.json and jwks.json, to be served at the client id and beside it.

counterfoil-vendor pull --server URL --client-id URL --to FILE.csv|FILE.jsonl [--keys keys.json] [--state FOLDER] [--dry-run]
  Brings every grant of the state folder into the file, and takes out of it what has ended.
`;

const text = { type: "string" } as const;

/** A mistake in the command line: answered with a sentence and the usage. */
class UsageError extends Error {}

function required(values: Record<string, string | boolean | undefined>, name: string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is missing`);
  return value;
}

async function init(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      "client-id": text,
      name: text,
      "legal-name": text,
      country: text,
      dpo: text,
      redirect: { type: "string", multiple: true },
      out: text,
    },
  });
  const { redirect = [], ...single } = values;
  const clientId = required(single, "client-id");
  if (redirect.length === 0) throw new UsageError("--redirect is missing");
  const facts = {
    clientId,
    name: required(single, "name"),
    legalName: required(single, "legal-name"),
    country: required(single, "country"),
    dpoContact: required(single, "dpo"),
    redirectUris: redirect,
    jwksUri: new URL("jwks.json", clientId).href,
  };
  const folder = values.out ?? ".";
  await mkdir(folder, { recursive: true });
  const keys = await makeKeys();
  const file = await open(join(folder, "keys.json"), "wx", 0o600);
  await file.writeFile(`${JSON.stringify(keys, null, 2)}\n`);
  await file.close();
  await writeFile(join(folder, "client.json"), `${JSON.stringify(clientMetadata(facts), null, 2)}\n`);
  await writeFile(join(folder, "jwks.json"), `${JSON.stringify(publicKeys(keys), null, 2)}\n`);
  console.log(
    `Made keys.json, client.json and jwks.json in ${folder}.\nServe client.json at ${clientId} and jwks.json at ${facts.jwksUri}; keep keys.json private.`,
  );
}

async function pull(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { server: text, "client-id": text, to: text, keys: text, state: text, "dry-run": { type: "boolean" } },
  });
  const to = required(values, "to");
  if (!/\.(csv|jsonl)$/.test(to)) throw new UsageError("--to: expected a file that ends in .csv or .jsonl");
  const vendor = createVendor({
    server: required(values, "server"),
    clientId: required(values, "client-id"),
    keys: JSON.parse(await readFile(values.keys ?? "keys.json", "utf8")) as JWK[],
    state: fileState(values.state ?? "state"),
  });
  const report = await vendor.sync(to.endsWith(".csv") ? csvSink(to) : jsonlSink(to), { dryRun: values["dry-run"] ?? false });
  const { created, updated, unchanged, erased, paused, held, failed } = report;
  console.log(
    `${created} created, ${updated} updated, ${unchanged} unchanged, ${erased} erased, ${paused} paused, ${held} held, ${failed.length} failed`,
  );
  for (const { grant, error } of failed) console.error(`${grant}: ${error.code}, ${error.message}`);
  if (failed.length > 0) process.exitCode = 1;
}

try {
  const [command, ...args] = process.argv.slice(2);
  if (command === "init") await init(args);
  else if (command === "pull") await pull(args);
  else throw new UsageError("expected init or pull");
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`);
  else if (error instanceof CounterfoilError) console.error(`${error.code}: ${error.message}`);
  else if ((error as NodeJS.ErrnoException).code === "EEXIST") console.error("keys.json is there already: it is never overwritten");
  else console.error((error as Error).message);
}
