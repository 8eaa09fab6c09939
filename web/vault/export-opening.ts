import * as v from "valibot";
import { LIMITS } from "#protocol/api.ts";
import { canonical, fromUtf8 } from "#protocol/canonical.ts";
import { isRecordPath, kindAt } from "#protocol/categories.ts";
import type { Import } from "#protocol/data/private.ts";
import { ExportEntry } from "#protocol/export.ts";
import { LONGEST_HEADER, readExportHeader } from "#protocol/export-header.ts";
import { ExportError, openExport as openSealed } from "#protocol/sealing/export.ts";
import { readKitCode } from "#protocol/sealing/kit-code.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { type Context, storeOf } from "./context.ts";
import { type Piece, piecesOf, writeMany } from "./many.ts";
import type { OpenStore } from "./open-store.ts";
import { emptied, OWN } from "./placing.ts";
import { read } from "./reading.ts";
import { IMPORTS, makeRelationship, RELATIONSHIPS, type Relationship, relationshipTo } from "./relationship.ts";
import { type ExportSummary, VaultError, type Working } from "./vault.ts";
import { refuseAlarmed } from "./writing.ts";

type Entry<K extends string> = Extract<ExportEntry, Record<K, unknown>>[K & keyof Extract<ExportEntry, Record<K, unknown>>];

/** What a sealed file held, and all of it was right. */
interface Opened {
  readonly records: ReadonlyArray<Entry<"record">>;
  readonly vendors: ReadonlyArray<Entry<"vendor">>;
}

/** The file that was opened last. It outlives a store that is made for it, and ends with the worker. */
const lastOpened = new WeakMap<Context, Opened>();

/** Larger than any store within the limits that is not made to harm. */
const LARGEST = 400_000_000;

/** Opens a file and looks at every entry of it; saves nothing. */
export async function openExport(context: Context, file: Uint8Array, code: string): Promise<ExportSummary> {
  lastOpened.delete(context);
  const made = madeOf(file);
  const secret = await readKitCode(code);
  if (secret === undefined) throw new VaultError("wrong_code", "not a whole code");
  const records = new Map<string, Entry<"record">>();
  const vendors = new Map<string, Entry<"vendor">>();
  const clients = new Set<string>();
  const kinds: Record<string, number> = {};
  try {
    for await (const entry of openSealed(secret, file)) {
      if (!v.is(ExportEntry, entry)) throw new VaultError("invalid", `entry ${records.size + 1} has an unknown shape`);
      if ("record" in entry) {
        const kind = judged(entry.record, records);
        records.set(entry.record.path, entry.record);
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      } else if ("vendor" in entry) {
        checkVendor(entry.vendor, { vendors, clients });
        vendors.set(entry.vendor.relationship, entry.vendor);
        clients.add(entry.vendor.client_id);
      }
      if (records.size + vendors.size > LIMITS.records) throw new VaultError("invalid", `more than ${LIMITS.records} records`);
    }
  } catch (error) {
    if (!(error instanceof ExportError)) throw error;
    throw new VaultError(error.code === "code" ? "wrong_code" : "invalid", error.message);
  }
  lastOpened.set(context, { records: [...records.values()], vendors: [...vendors.values()] });
  return { made, count: records.size, kinds };
}

function madeOf(file: Uint8Array): string {
  if (file.length > LARGEST) throw new VaultError("invalid", "the file is larger than any export");
  const start = file.subarray(0, LONGEST_HEADER);
  const end = start.indexOf(0x0a);
  let header: ReturnType<typeof readExportHeader> = "foreign";
  try {
    if (end > 0) header = readExportHeader(fromUtf8(start.subarray(0, end)));
  } catch {
    // Not even text.
  }
  if (header === "foreign") throw new VaultError("invalid", "this is not a sealed export");
  if (header === "newer") throw new VaultError("invalid", "this export was made by a later version");
  return header.made;
}

/** The kind of a record that belongs where it says. The message names its place, never its value. */
function judged({ path, value }: Entry<"record">, before: ReadonlyMap<string, unknown>): string {
  const kind = kindAt(path);
  if (kind === undefined || !isRecordPath(path) || kind.path === RELATIONSHIPS)
    throw new VaultError("invalid", `this version knows no data at ${path}`);
  if (!v.is(kind.schema, value)) throw new VaultError("invalid", `the data at ${path} is not of its kind`);
  if (before.has(path)) throw new VaultError("invalid", `there are two of ${path}`);
  if (kind.path === IMPORTS) for (const replaced of (value as Import).replaced) checkReplaced(path, replaced);
  return kind.path;
}

/** Taking an import back puts this in its place, as if its customer had typed it. */
function checkReplaced(at: string, { path, value }: Import["replaced"][number]): void {
  const kind = kindAt(path);
  if (kind === undefined || !isRecordPath(path) || OWN.has(kind.path) || (value !== null && !v.is(kind.schema, value)))
    throw new VaultError("invalid", `what ${at} has replaced is not of its kind`);
}

/** A vendor has one card, in a place of its own. */
function checkVendor(
  { relationship: path, client_id }: Entry<"vendor">,
  before: { readonly vendors: ReadonlyMap<string, unknown>; readonly clients: ReadonlySet<string> },
): void {
  if (kindAt(path)?.path !== RELATIONSHIPS || !isRecordPath(path)) throw new VaultError("invalid", `no vendor can be at ${path}`);
  if (before.vendors.has(path) || before.clients.has(client_id))
    throw new VaultError("invalid", `there are two cards of one shop, or at ${path}`);
}

/**
 * Saves what was opened last, in the places that it had, or nothing. What is there already with the same value stays: a restoring that
 * was cut off goes on where it was. Vendors come back as cards with fresh keys; a consent can't be given by a file.
 */
export async function restore(context: Context, working?: Working): Promise<void> {
  const opened = lastOpened.get(context);
  if (opened === undefined) throw new VaultError("invalid", "no file was opened");
  const store = storeOf(context);
  refuseAlarmed(store);
  const missing = await missingOf(store, opened);
  const pieces = piecesOf(store, missing, context.now());
  // A piece counts as tried before it is sent: an answer that was lost doesn't say that nothing was saved.
  const tried = new Set<string>();
  const contents = (_: OpenStore, piece: Piece): Piece => {
    for (const path of piece.keys()) tried.add(path);
    return piece;
  };
  try {
    await writeMany(context, { pieces, total: missing.size, contents }, working);
  } catch (error) {
    await takeBack(context, missing, tried).catch(() => undefined);
    throw error;
  }
  lastOpened.delete(context);
}

async function takeBack(context: Context, missing: ReadonlyMap<string, Content>, tried: ReadonlySet<string>): Promise<void> {
  await read(context);
  const store = storeOf(context);
  const saved = [...tried].filter((path) => {
    const there = store.contents.get(path);
    return there !== undefined && canonical(there) === canonical(missing.get(path));
  });
  const pieces = piecesOf(
    store,
    saved.map((path) => [path, emptied(path)]),
    context.now(),
  );
  await writeMany(context, { pieces, total: saved.length });
}

/** @throws {VaultError} `not_empty` where something else is in the place of a record or a vendor */
async function missingOf(store: OpenStore, { records, vendors }: Opened): Promise<ReadonlyMap<string, Content>> {
  const missing = new Map<string, Content>();
  for (const { path, value, source } of records) {
    const content: Content = source === undefined ? { value } : { value, source };
    const there = store.contents.get(path);
    if (there === undefined || "removed" in there || there.value === null) missing.set(path, content);
    else if (canonical(there) !== canonical(content)) throw new VaultError("not_empty", `there is other data at ${path}`);
  }
  for (const { relationship: path, client_id, name, card } of vendors) {
    const [at, there] = relationshipTo(store.relationships, client_id) ?? [path, store.relationships.get(path)];
    if (there === undefined) {
      const made: Relationship = { ...(await makeRelationship({ client_id, client_name: name })), card };
      missing.set(path, { value: made });
    } else if (at !== path || there.client_id !== client_id || canonical(there.card ?? {}) !== canonical(card))
      throw new VaultError("not_empty", `there is a card of the same shop at ${at}`);
  }
  return missing;
}
