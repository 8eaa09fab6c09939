import type { Attesting } from "./attesting.ts";
import { bulkSync } from "./bulk-sync.ts";
import type { Sink } from "./crm/sink.ts";
import { endingOf } from "./endings.ts";
import { enforcing, type Found } from "./enforcing.ts";
import { CounterfoilError } from "./error.ts";
import { rowKey } from "./grant.ts";
import { inParallel } from "./in-parallel.ts";
import type { Servers } from "./issuers.ts";
import { keyedLock } from "./lock.ts";
import { type How, looking, type Seen } from "./looking.ts";
import type { Moves } from "./moves.ts";
import type { Party } from "./party.ts";
import { rowWriter, type Written } from "./row-writer.ts";
import type { StoredGrant } from "./state.ts";
import { type Step, stepping } from "./stepping.ts";
import { type EnforceOptions, emptyReport, type SyncOptions, type SyncReport } from "./sync-report.ts";

/** Keeping a sink in step with every grant. A grant's fault is one of the report's `failed`, and the others go on. */
export interface Syncing {
  /**
   * Reads what has changed in all grants, by one bulk read of each server, as often as each grant allows; takes out what has ended, blanks
   * what is no longer granted, writes what changed, and moves on only when the sink has confirmed; then posts your signed word of what was
   * erased. What didn't change costs nothing, but for the first run of a process, which compares every row with the sink. Where a server
   * has no bulk reads, each grant is read by itself. Runs over all grants wait for each other.
   * @throws {CounterfoilError} `invalid` the sink is not ready; the sink's own from `check`
   */
  sync(sink: Sink, options?: SyncOptions): Promise<SyncReport>;
  /**
   * Takes out what has ended, is no longer granted or was kept long enough, by the clock and what is remembered: without the server,
   * which is only told afterwards.
   */
  enforce(sink: Sink, options?: EnforceOptions): Promise<SyncReport>;
}

/** What syncing is made of. */
export interface SyncParts {
  readonly party: Party;
  readonly servers: Servers;
  readonly moves: Moves;
  readonly attest: Attesting;
}

const BATCH = 100;
/** How long a server's word that it has no bulk reads is believed. Milliseconds. */
const BELIEVED = 3_600_000;

export function syncing({ party, servers, moves, attest }: SyncParts): Syncing {
  const runs = keyedLock();
  const checked = new WeakSet<Sink>();
  const rows = rowWriter(party, (grant) => servers.at(grant).tokens.forget(grant.id), attest);
  const enforceAll = enforcing(party, rows);
  /** Until when a server isn't asked again for what it doesn't offer. */
  const without = new Map<string, number>();

  const run = (
    sink: Sink,
    options: SyncOptions,
    work: (report: SyncReport, ids: readonly string[]) => Promise<void>,
  ): Promise<SyncReport> => {
    const whole = async () => {
      const started = performance.now();
      const report = emptyReport(options.dryRun ?? false);
      if (!checked.has(sink)) {
        const { ready, problems } = await sink.check({ signal: options.signal });
        if (!ready) throw new CounterfoilError("invalid", `the sink is not ready: ${problems.join("; ")}`, { reason: "sink" });
        checked.add(sink);
      }
      await work(report, options.grants ?? (await party.book.grantIds()));
      if (!report.dryRun) await attest.post(report.attestations, { signal: options.signal });
      report.ms = performance.now() - started;
      const { created, updated, unchanged, erased, ms } = report;
      party.on({ type: "sync", sink: sink.name, created, updated, unchanged, erased, failed: report.failed.length, ms });
      return report;
    };
    // One grant's lock is enough for a few: what an event tells of doesn't wait until a thousand others were read.
    return options.grants === undefined ? runs.run("sync", whole) : whole();
  };

  /** Erasures first, then rows, each durable before the state says so. */
  const settle = async (sink: Sink, jobs: readonly Seen[], report: SyncReport, options: SyncOptions): Promise<boolean> => {
    const gone = jobs.flatMap(({ key, grant, why }) => (why === undefined ? [] : [{ key, grant, why }]));
    const erased = await rows.eraseAll(sink, report, gone, options);
    const put: Written[] = [];
    await inParallel(
      jobs.filter(({ why }) => why === undefined),
      options.concurrency ?? 4,
      async (job) => {
        // The grant may have lapsed since it was read.
        const now = party.now();
        const why = endingOf(job.grant, now);
        if (why !== undefined) return void (await rows.eraseAll(sink, report, [{ ...job, why }], options));
        const written = await rows.put(sink, report, job, now, options);
        if (written !== undefined) put.push(written);
      },
    );
    return (await rows.commitRows(sink, report, put, party.now(), options)) && erased;
  };

  /** One that has ended since this run began: an event may have told of it, and its row goes here all the same. */
  const gone = async (sink: Sink, grant: StoredGrant | undefined): Promise<Seen | undefined> => {
    if (grant?.ended == null || grant.erasedIn.includes(sink.name)) return undefined;
    return { key: await rowKey(grant.id), grant, why: { reason: grant.ended.state, at: grant.ended.at } };
  };

  /** Grants looked at by themselves. */
  const each = async (
    sink: Sink,
    ids: readonly string[],
    how: How,
    report: SyncReport,
    options: SyncOptions,
    step: Step,
  ): Promise<void> => {
    const { look } = looking(party, moves, rows, ({ changes }) => step({ done: 0, records: changes.length }));
    for (let from = 0; from < ids.length; from += BATCH) {
      options.signal?.throwIfAborted();
      const held = new Map<string, () => void>();
      try {
        // In one order: two that wait for each other's grants would wait for ever.
        for (const id of [...new Set(ids.slice(from, from + BATCH))].sort()) held.set(id, await party.book.locks.acquire(id));
        const jobs: Seen[] = [];
        await inParallel([...held.keys()], options.concurrency ?? 4, async (id) => {
          options.signal?.throwIfAborted();
          const grant = await party.book.grant(id);
          const job = grant?.ended === null ? await look(grant, how, report, options) : await gone(sink, grant);
          if (job !== undefined) return void jobs.push(job);
          held.get(id)?.();
          held.delete(id);
        });
        options.signal?.throwIfAborted();
        await settle(sink, jobs, report, options);
        step({ done: Math.min(BATCH, ids.length - from), records: 0, remaining: ids.length - from - BATCH });
      } finally {
        for (const release of held.values()) release();
      }
    }
  };

  const fallBehind = (id: string): Promise<void> =>
    party.book.locks.run(id, async () => {
      const grant = await party.book.grant(id);
      if (grant?.ended === null && !grant.behind) await party.book.saveGrant({ ...grant, behind: true });
    });

  /** All grants of one server, in one bulk read. */
  const serverSync = async (
    sink: Sink,
    issuer: string,
    { living, unsure, wanted, given, resting }: Found,
    report: SyncReport,
    options: SyncOptions,
    step: Step,
  ): Promise<void> => {
    if ((without.get(issuer) ?? 0) > party.now()) return each(sink, living, "read", report, options, step);
    const look = looking(party, moves, rows, () => undefined);
    const parts = { party, moves, rows, looking: look, settle, progress: step };
    const bulked = await bulkSync(parts, servers.of(issuer), sink, report, options);
    if (bulked.outcome === "none") {
      if (!without.has(issuer)) party.on({ type: "no-bulk", server: issuer, reason: bulked.reason });
      without.set(issuer, party.now() + BELIEVED);
      return each(sink, living, "read", report, options, step);
    }
    const { handled, whole } = bulked;
    for (const id of handled) {
      wanted.delete(id);
      unsure.delete(id);
      resting.delete(id);
    }
    for (const id of bulked.wanted) wanted.add(id);
    for (const id of wanted) {
      unsure.delete(id);
      resting.delete(id);
    }
    if (bulked.outcome === "done") await each(sink, [...wanted], "read", report, options, step);
    if (whole !== undefined) {
      // A server that has lost the end of a grant names it no more: where it stands is asked.
      const silent = living.filter((id) => !whole.named.has(id) && !wanted.has(id) && (given.get(id) ?? 0) < whole.began);
      const before = report.failed.length;
      await each(sink, silent, "ask", report, options, step);
      // It is named no more: whoever could not be asked about now is asked about again.
      if (!options.dryRun) for (const { grant } of report.failed.slice(before)) await fallBehind(grant);
      for (const id of silent) {
        unsure.delete(id);
        resting.delete(id);
      }
      await whole.finish();
    }
    // What an event, or a call of the vendor's, has changed meanwhile.
    for (const id of [...resting.keys()])
      if (rows.resting(sink, id, party.now()) === undefined) {
        resting.delete(id);
        unsure.add(id);
      }
    await each(sink, [...unsure], "keep", report, options, step);
    for (const state of resting.values()) {
      report.unchanged++;
      if (state === "paused") report.paused++;
    }
  };

  return {
    sync: (sink, options = {}) =>
      run(sink, options, async (report, ids) => {
        const step = stepping(options.progress, ids.length);
        const found = await enforceAll(sink, report, ids, party.now(), options);
        if (options.grants !== undefined) {
          await each(sink, ids, "read", report, options, step);
          return;
        }
        for (const [issuer, group] of found) {
          options.signal?.throwIfAborted();
          await serverSync(sink, issuer, group, report, options, step);
        }
      }),
    enforce: (sink, { now, ...options } = {}) =>
      run(sink, options, async (report, ids) => {
        await enforceAll(sink, report, ids, now?.getTime() ?? party.now(), options);
      }),
  };
}
