import { base64url, hashOf } from "#protocol/canonical.ts";
import type { ExportEntry } from "#protocol/export.ts";
import { EXPORT_TYPE, type ExportHeader } from "#protocol/export-header.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { sealExport } from "#protocol/sealing/export.ts";
import { kitCode, makeKitSecret } from "#protocol/sealing/kit-code.ts";
import { approve } from "./acts.ts";
import { type Context, storeOf } from "./context.ts";
import { read } from "./reading.ts";
import { type PlainExport, type SealedExport, VaultError, type Working } from "./vault.ts";
import { viewOf } from "./view.ts";

/** Everything that is the customer's, in an order that follows from what it is: no key and no way in is in it. */
export function contentsOf(context: Context): PlainExport {
  const store = storeOf(context);
  const view = viewOf(store, context.now());
  return {
    made: new Date(context.now()).toISOString(),
    created: view.created,
    records: view.records
      .filter(({ value }) => value !== null)
      .map(({ path, value, source }) => ({ path, value, ...(source === null ? {} : { source }) }))
      .sort(by(({ path }) => path)),
    vendors: view.vendors.map(({ grants: _, ...rest }) => rest).sort(by(({ relationship }) => relationship)),
    connections: view.connections
      .map(({ grant, number, relationship, client, state, details, given, expires, endedAt, reads }) => ({
        ...{ grant, number, relationship, client, state, details, given, expires, endedAt },
        reads: reads.map(({ at, paths, count, key }) => ({ at, paths, count, key })),
        consent: store.grants.get(grant)?.own.token ?? "",
      }))
      .sort(by(({ grant }) => grant)),
  };
}

// By code units: the same on every device, whatever its language.
const by =
  <T>(name: (each: T) => string) =>
  (a: T, b: T): number =>
    name(a) < name(b) ? -1 : 1;

function* entriesOf({ created, records, vendors, connections }: PlainExport): Generator<ExportEntry> {
  yield { store: { created } };
  for (const record of records) yield { record };
  for (const vendor of vendors) yield { vendor };
  for (const connection of connections) yield { connection } as ExportEntry;
}

/** One passkey prompt, and a line in the store's own history, before anything leaves. */
async function announce(context: Context, what: "sealed" | "plain"): Promise<void> {
  const object = await hashOf(what);
  const act = await approve(context, { action: "export", grant: null, object }, storeOf(context).replica.ways);
  await context.server.call("exports", { body: { act, what } });
  // The export's own line and whatever else is new; without it what is open is whole too.
  await read(context).catch(() => undefined);
}

export async function exportPlain(context: Context): Promise<PlainExport> {
  await announce(context, "plain");
  return contentsOf(context);
}

/** Characters that are held as text; more go to the browser, which may keep them on disk. */
const HELD = 1_000_000;

export async function exportSealed(context: Context, working: Working = {}): Promise<SealedExport> {
  await announce(context, "sealed");
  const contents = contentsOf(context);
  const header: ExportHeader = { type: EXPORT_TYPE, id: base64url.encode(randomBytes(16)), made: contents.made };
  const secret = makeKitSecret();
  const total = 1 + contents.records.length + contents.vendors.length + contents.connections.length;
  let done = 0;
  const counted = function* (): Generator<ExportEntry> {
    for (const entry of entriesOf(contents)) {
      done += 1;
      yield entry;
    }
  };
  const parts: Blob[] = [];
  let held = "";
  for await (const line of sealExport(secret, header, counted())) {
    if (working.signal?.aborted) throw new VaultError("cancelled", "stopped");
    held += line;
    if (held.length > HELD) {
      parts.push(new Blob([held]));
      held = "";
    }
    working.onProgress?.({ done, total });
  }
  return { file: new Blob([...parts, held], { type: "application/octet-stream" }), groups: await kitCode(secret) };
}
