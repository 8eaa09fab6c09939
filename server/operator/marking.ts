import type { ImportState } from "../copies/import-copy.ts";
import { all } from "../copies/source.ts";
import { instant } from "../digest.ts";
import { type Life, markMoved, markRestored } from "../life.ts";
import { StorageError } from "../storage/storage.ts";
import type { Desk } from "./copying.ts";
import { nameOf, openSource, openThere } from "./place.ts";
import { readOptions, UsageError } from "./usage.ts";

export async function markRestoredByHand(args: readonly string[], { say, place }: Desk): Promise<void> {
  const { from } = readOptions(args, { from: "string" });
  const made = from === undefined ? null : Date.parse(from);
  if (made !== null && !(made > 0 && made <= Date.now())) throw new UsageError("--from takes a time that is past, as 2027-03-01T02:00:00Z");
  await using storage = await openThere(place());
  const { restores } = await markRestored(storage, { now: Date.now(), from: made });
  say(`Marked as restored, for the ${restores}. time: every grant is paused until its customer resumes it. Start the servers now.`);
}

export async function markMovedByHand(args: readonly string[], { say, place }: Desk): Promise<void> {
  readOptions(args, {});
  await using storage = await openThere(place());
  await markMoved(storage);
  say("Marked as moved whole: grants stay as they are. Start the servers now.");
}

/** Exits with 1 where something is damaged or unfinished. */
export async function status(args: readonly string[], { say, place }: Desk): Promise<void> {
  const { read } = readOptions(args, { read: "boolean" });
  const where = place();
  await using from = await openSource(where, true);
  const { source } = from;
  say(`${nameOf(where)}, looked at ${from.how}`);
  const damaged: string[] = [];
  let stores = 0;
  for await (const id of all((after) => source.listStores(after))) {
    stores++;
    if (!read) continue;
    await source.readStore(id, { async begin() {}, async take() {}, async end() {} }).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      damaged.push(`${id}: ${error.message}`);
    });
  }
  say(`stores: ${stores}${read ? "" : " (not read: status --read reads every one)"}`);
  for (const each of damaged) say(`damaged: ${each}`);
  const life = (await source.getDocument("life")) as Life | undefined;
  say(life === undefined ? "life: none yet, no server has run here" : `life: ${life.id}`);
  if (life?.restored != null)
    say(
      `restored: ${life.restores === 1 ? "once" : `${life.restores} times`}, last at ${instant(life.restored)}, to ${life.from === null ? "a state of nobody knows when" : instant(life.from)}`,
    );
  const state = (await source.getDocument("import")) as ImportState | undefined;
  if (state?.done === false) say("import: CUT. Run the same import or restore again, with the same file");
  if (damaged.length > 0 || state?.done === false) process.exitCode = 1;
}
