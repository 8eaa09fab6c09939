import type { Registry } from "prom-client";
import type { Life } from "../life.ts";
import type { Rows } from "../rows.ts";
import type { Figure, Storage } from "../storage/storage.ts";
import { within } from "../storage/within.ts";
import { gauge } from "./instruments.ts";

/** Milliseconds that the storage may take for one number: whoever collects has a limit of its own. */
const PATIENCE = 2_000;
/** Feeds that are counted at most. */
const MOST = 1_000;

const FIGURES: ReadonlyArray<readonly [figure: Figure, name: string, help: string]> = [
  ["connections", "storage_connections", "Connections of this process to the database."],
  ["connectionsIdle", "storage_connections_idle", "Connections to the database that nobody uses now."],
  ["connectionsWaiting", "storage_connections_waiting", "Who waits for a connection to the database."],
  ["journalFiles", "storage_journal_files", "Files of the journal."],
  ["journalBytes", "storage_journal_bytes", "Bytes of the journal's file that is written to."],
];

/** What the storage says of itself when somebody asks. What it can't say now is left out. */
export function storageGauges(registry: Registry, storage: Storage<Rows>): void {
  for (const [figure, name, help] of FIGURES) {
    // What this engine has none of is no metric.
    if (storage.figures?.()[figure] === undefined) continue;
    gauge(registry, name, help, [], (it) => {
      it.set(storage.figures?.()[figure] ?? 0);
    });
  }
  gauge(registry, "storage_damaged", "Parts of the medium that can't be read as they were written.", ["kind"], (it) => {
    it.reset();
    for (const { kind } of storage.listDamaged()) it.inc({ kind });
  });
  gauge(registry, "feeds_waiting", `Vendors for whom events wait; ${MOST} are counted at most.`, [], async (it) => {
    const feeds = await inTime(storage.listFeeds("events", { limit: MOST }));
    if (feeds === undefined) it.remove();
    else it.set(feeds.length);
  });
  gauge(registry, "storage_restores", "How often this deployment was put back to an earlier state.", [], async (it) => {
    const life = await inTime(storage.getDocument<Life>("life"));
    if (life === undefined) it.remove();
    else it.set(life.restores);
  });
}

/** Undefined where it fails or takes too long. */
const inTime = <Result>(asked: Promise<Result>): Promise<Result | undefined> => within(PATIENCE, asked, "a metric").catch(() => undefined);
