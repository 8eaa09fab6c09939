import { type FileHandle, open } from "node:fs/promises";
import { CopyError } from "../copies/copy-error.ts";
import type { Counts } from "../copies/format.ts";
import { importCopy } from "../copies/import-copy.ts";
import { shownProgress, sizeOf } from "../copies/progress.ts";
import { type Checked, checkCopy } from "../copies/verify-copy.ts";
import { writeCopy } from "../copies/write-copy.ts";
import { instant } from "../digest.ts";
import type { StoragePlace } from "../storage/place.ts";
import { nameOf, openNew, openSource } from "./place.ts";
import { needed, readOptions, UsageError } from "./usage.ts";

/** What a command is given besides its own words: how to answer, and where the server's settings say that its data lies. */
export interface Desk {
  say(line: string): void;
  /** @throws {SettingsError} */
  place(): StoragePlace;
}

const countsOf = ({ stores, rows, documents, entries }: Counts): string =>
  `${stores} stores (${rows} rows), ${documents} documents, ${entries} entries of feeds`;

/** `online`: also while a server runs. */
async function copy(args: readonly string[], { say, place }: Desk, { what, online }: { what: string; online: boolean }): Promise<void> {
  const options = readOptions(args, { to: "string", gzip: "boolean", resume: "boolean", "leave-damaged": "boolean" });
  const to = needed(options.to, "to");
  await using from = await openSource(place(), online);
  const copied = await writeCopy({
    source: from.source,
    to,
    packing: options.gzip || to.endsWith(".gz") ? "gzip" : "plain",
    resume: options.resume ?? false,
    leaveDamaged: options["leave-damaged"] ?? false,
    now: Date.now,
    progress: shownProgress(what, process.stderr),
  });
  say(`${to}: ${countsOf(copied.counts)}, ${sizeOf(copied.size)}, made ${from.how}.`);
  say(`Its hash: ${copied.hash}`);
  for (const id of copied.left) say(`NOT in it, since it is damaged: the store ${id}`);
}

export const exportAll = (args: readonly string[], desk: Desk): Promise<void> => copy(args, desk, { what: "export", online: false });
export const backup = (args: readonly string[], desk: Desk): Promise<void> => copy(args, desk, { what: "backup", online: true });

async function bring(args: readonly string[], desk: Desk, restored: boolean): Promise<void> {
  const options = readOptions(args, { from: "string", hash: "string" });
  const path = needed(options.from, "from");
  const { say } = desk;
  const place = desk.place();
  await withFile(path, async (file) => {
    await checkHash(file, options.hash);
    await using storage = await openNew(place);
    const what = restored ? "restore" : "import";
    const done = await importCopy({ file, storage, restored, now: Date.now, progress: shownProgress(what, process.stderr) });
    say(`${nameOf(place)} has ${countsOf(done.counts)}, read back and compared.`);
    if (restored) say(`Every grant is paused until its customer resumes it: the backup is of ${done.header.made}.`);
  });
}

export const importAll = (args: readonly string[], desk: Desk): Promise<void> => bring(args, desk, false);
export const restore = (args: readonly string[], desk: Desk): Promise<void> => bring(args, desk, true);

/** Needs no settings and no storage. */
export async function verify(args: readonly string[], { say }: Desk): Promise<void> {
  const [path, ...rest] = args;
  if (path === undefined || path.startsWith("-")) throw new UsageError("a FILE is missing");
  const { hash } = readOptions(rest, { hash: "string" });
  const { header, counts, size, ...checked } = await withFile(path, (file) => checkHash(file, hash));
  const { restores = 0, restored = null } = header.life ?? {};
  say(`${path} is whole: ${countsOf(counts)}, ${sizeOf(size)}.`);
  say(`Made ${header.made} of ${header.engine === "embedded" ? "the embedded engine" : "PostgreSQL"}.`);
  if (restored !== null)
    say(`That deployment was restored ${restores === 1 ? "once" : `${restores} times`}, last at ${instant(restored)}.`);
  say(`Its hash: ${checked.hash}`);
}

async function checkHash(file: FileHandle, hash: string | undefined): Promise<Checked> {
  const checked = await checkCopy(file);
  if (hash !== undefined && hash !== checked.hash) throw new CopyError("changed", "this is another copy than the one with that hash");
  return checked;
}

async function withFile<Result>(path: string, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
  const file = await open(path, "r");
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
