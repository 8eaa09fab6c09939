#!/usr/bin/env node
import { init } from "./cli/init.ts";
import { UsageError } from "./cli/options.ts";
import { grants, listen, pull, release } from "./cli/rows.ts";
import { stream } from "./cli/stream.ts";
import { tryOut } from "./cli/try.ts";
import { CounterfoilError } from "./error.ts";

const USAGE = `counterfoil-vendor try --server URL --to FILE.csv|FILE.jsonl [--port 4999] [--out FOLDER]
  The whole way on your own machine, toward a server on it: opens a request, brings what is shared into the file, follows what changes.

counterfoil-vendor init --client-id URL --name NAME --legal-name NAME --country XX --dpo URL --redirect URL [--out FOLDER]
  Makes keys.json (private: keep it from everyone), and client.json and jwks.json, to be served at the client id and beside it.

counterfoil-vendor pull --to FILE.csv|FILE.jsonl [--dry-run]
  Brings every grant of the state folder into the file, takes out of it what has ended, and tells the server what was erased.

counterfoil-vendor listen --to FILE.csv|FILE.jsonl
  The same, and then at once whenever a customer changes something, until it is interrupted. Needs no address of your own.

counterfoil-vendor grants
  What the state folder knows.

counterfoil-vendor release GRANT [--to FILE.csv|FILE.jsonl]
  Gives a grant up, by its id or its row's key: final. Takes its row out of the file.

counterfoil-vendor stream [status | push --endpoint URL | poll | remove]
  The stream of events.

All but try and init: --server URL --client-id URL [--keys keys.json] [--state FOLDER]
`;

const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<void>>> = { try: tryOut, init, pull, listen, grants, release, stream };

try {
  const [name = "", ...args] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`expected one of ${Object.keys(COMMANDS).join(", ")}`);
  await command(args);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`);
  else if (error instanceof CounterfoilError) console.error(`${error.code}: ${error.message}`);
  else if ((error as NodeJS.ErrnoException).code === "EEXIST") console.error("keys.json is there already: it is never overwritten");
  else console.error((error as Error).message);
}
