import { hashOf } from "../protocol/canonical.ts";
import { BEHIND, type BulkItem, type GrantPart, partsOf } from "./changes/parts.ts";
import type { Sink } from "./crm/sink.ts";
import { asCounterfoilError, CounterfoilError } from "./error.ts";
import { rowKey } from "./grant.ts";
import { inParallel } from "./in-parallel.ts";
import type { Server } from "./issuers.ts";
import type { Looking, Seen } from "./looking.ts";
import type { Moves } from "./moves.ts";
import type { Party } from "./party.ts";
import type { RowWriter } from "./row-writer.ts";
import type { StoredFeed, StoredGrant } from "./state.ts";
import type { SyncOptions, SyncReport } from "./sync-report.ts";

/** What came of a bulk read. */
export interface Bulked {
  /** `none`: this server offers this vendor no bulk reads; `failed`: it is in the report. */
  readonly outcome: "done" | "failed" | "none";
  /** Of `none`: the server's refusal. */
  readonly reason?: string | undefined;
  /** Grants that were worked off, or have failed and are in the report. */
  readonly handled: ReadonlySet<string>;
  /** Grants that have to be read by themselves now. */
  readonly wanted: ReadonlySet<string>;
  /** Of a read from the beginning that came to its end: when it began, and which grants the server named. */
  readonly whole: { readonly began: number; readonly named: ReadonlySet<string>; finish(): Promise<void> } | undefined;
}

/** What a bulk read in place of many pulls is made of. */
export interface BulkSyncParts {
  readonly party: Party;
  readonly moves: Moves;
  readonly rows: RowWriter;
  readonly looking: Looking;
  /** Writes and erases in the sink; false where it could not be made durable. */
  settle(sink: Sink, jobs: readonly Seen[], report: SyncReport, options: SyncOptions): Promise<boolean>;
  /** Hears how far it has come. */
  progress(step: { done: number; records: number; remaining?: number }): void;
}

/** Grants, or characters of sealed values, that are written together. */
const BATCH = 100;
const BATCH_SIZE = 16_000_000;

/** Of a reader that has not begun. */
export const NO_FEED: StoredFeed = { cursor: null, began: null, missed: [] };

/** Where bulk reads of a server by one reader have come to is kept under this name. */
export const feedName = async (reader: "sync" | "changes", issuer: string): Promise<string> =>
  `${reader}-${(await hashOf(issuer)).slice(0, 22)}`;

/** Whether a refusal says that a server, or its policy for this vendor, has no bulk reads. */
export const isNotOffered = (error: CounterfoilError): boolean =>
  error.status === 404 || error.status === 405 || error.reason === "invalid_scope" || error.reason === "insufficient_scope";

const isEnd = ({ code }: CounterfoilError): boolean => code === "grant_revoked" || code === "grant_expired";

/** A part that waits for its batch. */
interface Waiting {
  readonly part: GrantPart;
  readonly release: () => void;
}

/** One bulk read of a server into a sink: what came before a cursor is in the state and the sink before that cursor is saved. */
export async function bulkSync(
  { party, moves, rows, looking, settle, progress }: BulkSyncParts,
  server: Server,
  sink: Sink,
  report: SyncReport,
  options: SyncOptions,
): Promise<Bulked> {
  const { dryRun = false, signal, concurrency: width = 4 } = options;
  const issuer = server.party.server;
  const name = await feedName("sync", issuer);
  let feed: StoredFeed = (await party.book.feed(name)) ?? NO_FEED;
  const handled = new Set<string>();
  const named = new Set<string>();
  const wanted = new Set<string>();
  let batch: Waiting[] = [];
  let size = 0;
  let reached: string | undefined;

  const saveFeed = async (next: StoredFeed): Promise<void> => {
    feed = next;
    if (!dryRun) await party.book.saveFeed(name, next);
  };

  const jobOf = async (part: GrantPart): Promise<Seen | undefined> => {
    const { grant } = part;
    if (part.type === "read") {
      // What was read is kept whatever becomes of the row: it may not be given again.
      if (!dryRun) await party.book.saveGrant(part.reading.next);
      return { key: await rowKey(grant.id), grant: part.reading.next, saved: true };
    }
    if (part.type === "ended")
      return { key: await rowKey(grant.id), grant, why: { reason: part.state, at: new Date(party.now()).toISOString() } };
    if (part.type === "failed") return missed(part);
    if (part.type === "moved") {
      const moved = await moves.accept(grant, part.to, part.statement).catch((thrown: unknown) => asCounterfoilError(thrown));
      if (moved instanceof CounterfoilError) return missed({ grant, error: moved });
      wanted.add(grant.id);
      return undefined;
    }
    if (part.type === "held") report.held++;
    const found = await looking
      .standing(grant, { dryRun, signal, report, ...(part.type === "paused" ? { paused: true } : {}) })
      .catch((thrown: unknown) => asCounterfoilError(thrown));
    // What can't be asked for may be what no entry of the feed tells of again. It may have moved before that.
    if (found instanceof CounterfoilError && !isEnd(found) && !signal?.aborted)
      return missed({ grant: (await party.book.grant(grant.id)) ?? grant, error: found });
    return looking.seen(grant, found, report, options);
  };
  /** The cursor goes on without it, so the state has to know. */
  const missed = async ({ grant, error }: { grant: StoredGrant; error: CounterfoilError }): Promise<undefined> => {
    if (!dryRun && !grant.behind) await party.book.saveGrant({ ...grant, behind: true });
    if (error.reason === BEHIND) wanted.add(grant.id);
    else rows.fail(report, await rowKey(grant.id), grant.id, error);
  };

  /** False where the sink could not make it durable: then the cursor stays. */
  const flush = async (): Promise<boolean> => {
    const now = batch;
    [batch, size] = [[], 0];
    try {
      const jobs: Seen[] = [];
      await inParallel(now, width, async ({ part }) => {
        signal?.throwIfAborted();
        const job = await jobOf(part);
        if (job !== undefined) jobs.push(job);
      });
      signal?.throwIfAborted();
      for (const { part } of now) if (!wanted.has(part.grant.id)) handled.add(part.grant.id);
      if (!(await settle(sink, jobs, report, options))) return false;
      if (reached !== undefined && reached !== feed.cursor) await saveFeed({ ...feed, cursor: reached });
      return true;
    } finally {
      for (const { release } of now) release();
    }
  };

  const take = async (items: AsyncIterable<BulkItem>): Promise<boolean> => {
    for await (const item of items) {
      if (item.type === "cursor") {
        // Of what waits in the batch it says that it is behind it.
        reached = item.cursor;
        progress({ done: 0, records: 0, remaining: item.remaining });
      } else {
        batch.push({ part: item, release: item.release });
        const records = item.type === "read" ? item.reading.changes.length : 0;
        if (item.type === "read") size += sizeOf(item.reading.next);
        progress({ done: 1, records });
        // What comes from here on is behind the last cursor, which is therefore not this batch's any more.
        if (batch.length < BATCH && size < BATCH_SIZE) continue;
        if (!(await flush())) return false;
      }
    }
    return flush();
  };

  const acquire = async (id: string): Promise<() => void> => {
    const free = party.book.locks.tryAcquire(id);
    if (free !== undefined) return free;
    // Nobody waits for a grant while holding others: two that did would wait for each other.
    if (!(await flush())) throw new Stopped();
    return party.book.locks.acquire(id);
  };

  const read = async (): Promise<boolean> => {
    reached = undefined;
    const lines = server.bulk(feed.cursor, signal);
    return take(partsOf(lines, { party, server: issuer, acquire, named: (id) => named.add(id) }));
  };

  const done = (outcome: Bulked["outcome"], whole?: Bulked["whole"]): Bulked => ({ outcome, handled, wanted, whole });
  try {
    if (feed.cursor === null && feed.began === null) await saveFeed({ ...NO_FEED, began: party.now() });
    const whole = await read().catch(async (error: unknown) => {
      if (!(error instanceof CounterfoilError) || error.reason !== "cursor_expired" || feed.cursor === null) throw error;
      await saveFeed({ ...NO_FEED, began: party.now() });
      return read();
    });
    if (!whole) return done("failed");
    const { began } = feed;
    if (began === null) return done("done");
    return done("done", { began, named, finish: () => saveFeed({ ...feed, began: null }) });
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof Stopped) return done("failed");
    if (!(thrown instanceof CounterfoilError)) throw thrown;
    if (isNotOffered(thrown)) return { ...done("none"), reason: thrown.reason };
    rows.fail(report, "*", "*", thrown);
    // What was good before the fault is written.
    await flush();
    return done("failed");
  } finally {
    for (const { release } of batch) release();
  }
}

/** The sink failed while a grant was waited for. */
class Stopped extends Error {}

const sizeOf = ({ shares }: StoredGrant): number => Object.values(shares).reduce((size, { body }) => size + body.length, 0);
