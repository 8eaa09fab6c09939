import type { Ending, EraseReport, Sink } from "./crm/sink.ts";
import { endedGrant, endingOf, hasLapsed, isOverdue, lapsedGrant, mayRead, prunedGrant, tightenedGrant } from "./endings.ts";
import { asCounterfoilError, CounterfoilError } from "./error.ts";
import { rowKey } from "./grant.ts";
import { inParallel } from "./in-parallel.ts";
import { keyedLock } from "./lock.ts";
import type { Party } from "./party.ts";
import type { Read } from "./reading.ts";
import { printOf, recordOf } from "./row.ts";
import type { StoredGrant } from "./state.ts";
import { emptyReport, type SyncOptions, type SyncReport } from "./sync-report.ts";
import type { Tokens } from "./tokens.ts";

/** Keeping a sink in step with every grant. A grant's fault is one of the report's `failed`, and the others go on. */
export interface Syncing {
  /**
   * Reads every grant as often as it allows, takes out what has ended, blanks what is no longer granted, writes what changed, and
   * moves on only when the sink has confirmed. Runs of one vendor wait for each other.
   * @throws {CounterfoilError} `invalid` the sink is not ready; the sink's own from `check`
   */
  sync(sink: Sink, options?: SyncOptions): Promise<SyncReport>;
  /** Takes out what has ended or was kept long enough, by the clock and what is remembered: without the server. @param now the vendor's clock unless told */
  enforce(sink: Sink, now?: Date): Promise<SyncReport>;
}

const BATCH = 100;

/** One grant on its way through a sync. `why`: its row has to go. */
interface Job {
  key: string;
  grant: StoredGrant;
  why?: Ending;
}
/** Its lock is held until `release`. */
type HeldJob = Job & { release: () => void };

export function syncing(party: Party, read: Read, tokens: Tokens): Syncing {
  const runs = keyedLock();
  const checked = new WeakSet<Sink>();
  /** What this process last saw confirmed by each sink: the first sync of a process compares every row, later ones only what moved. */
  const confirmed = new WeakMap<Sink, Map<string, string>>();
  const printsOf = (sink: Sink): Map<string, string> => {
    const known = confirmed.get(sink) ?? new Map<string, string>();
    confirmed.set(sink, known);
    return known;
  };

  const run = (sink: Sink, options: SyncOptions, work: (report: SyncReport) => Promise<void>): Promise<SyncReport> =>
    runs.run("sync", async () => {
      const started = performance.now();
      const report = emptyReport(options.dryRun ?? false);
      if (!checked.has(sink)) {
        const { ready, problems } = await sink.check({ signal: options.signal });
        if (!ready) throw new CounterfoilError("invalid", `the sink is not ready: ${problems.join("; ")}`, { reason: "sink" });
        checked.add(sink);
      }
      await work(report);
      report.ms = performance.now() - started;
      const { created, updated, unchanged, erased, ms } = report;
      party.on({ type: "sync", sink: sink.name, created, updated, unchanged, erased, failed: report.failed.length, ms });
      return report;
    });

  const fail = (report: SyncReport, key: string, grant: string, thrown: unknown): void => {
    const error = asCounterfoilError(thrown);
    party.on({ type: "refused", grant, code: error.code, reason: error.reason });
    report.failed.push({ key, grant, error });
  };

  /** Takes a row out of the sink; true if it is gone or was never there. */
  const erase = async (sink: Sink, report: SyncReport, job: Job, why: Ending, options: SyncOptions): Promise<boolean> => {
    try {
      const done: EraseReport = await sink.erase(job.key, why, { dryRun: options.dryRun, signal: options.signal });
      if (done.did.length + done.remains.length === 0) return true;
      report.erased++;
      report.erasures.push({ key: job.key, grant: job.grant.id, reason: why.reason, ...done });
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      fail(report, job.key, job.grant.id, error);
      return false;
    }
  };

  /** Erases in the sink, makes that durable, then forgets in the state. */
  const eraseAll = async (sink: Sink, report: SyncReport, jobs: Required<Job>[], options: SyncOptions): Promise<void> => {
    const gone: typeof jobs = [];
    for (const job of jobs) {
      // What was learned of an end is kept even where the sink fails, so that the next run tries again without asking.
      if (!options.dryRun && job.why.reason !== "retention") await party.book.saveGrant(endedGrant(job.grant, job.why));
      if (await erase(sink, report, job, job.why, options)) gone.push(job);
    }
    if (options.dryRun || gone.length === 0) return;
    if (!(await committed(sink, report, gone))) return;
    for (const { grant, why } of gone) {
      tokens.forget(grant.id);
      printsOf(sink).delete(grant.id);
      await party.book.saveGrant(why.reason === "retention" ? lapsedGrant(grant) : endedGrant(grant, why, sink.name));
    }
  };

  const committed = async (sink: Sink, report: SyncReport, jobs: readonly Job[]): Promise<boolean> => {
    try {
      await sink.commit();
      return true;
    } catch (error) {
      for (const { key, grant } of jobs) fail(report, key, grant.id, error);
      return false;
    }
  };

  const enforceAll = async (sink: Sink, report: SyncReport, ids: readonly string[], now: number, options: SyncOptions): Promise<void> => {
    for (const id of ids) {
      options.signal?.throwIfAborted();
      await party.book.locks.run(id, async () => {
        const head = await party.book.head(id);
        if (head === undefined || head.erasedIn.includes(sink.name)) return;
        const why = endingOf(head, now);
        if (why === undefined && !hasLapsed(head, now)) return;
        const grant = await party.book.grant(id);
        if (grant === undefined) return;
        const key = await rowKey(id);
        if (why !== undefined && !(why.reason === "retention" && grant.read === null))
          await eraseAll(sink, report, [{ key, grant, why }], options);
        else if ((isOverdue(grant, now) || (await isStale(sink, grant, now))) && (await put(sink, report, { key, grant }, now, options)))
          await commitRows(sink, report, [{ key, grant }], now, options);
      });
    }
  };

  /** Whether this process wrote the row when it said more: a purpose has ended since. */
  const isStale = async (sink: Sink, grant: StoredGrant, now: number): Promise<boolean> => {
    const print = printsOf(sink).get(grant.id);
    return print !== undefined && print !== (await printOf(grant, now));
  };

  const put = async (sink: Sink, report: SyncReport, job: Job, now: number, options: SyncOptions): Promise<boolean> => {
    try {
      if (printsOf(sink).get(job.grant.id) === (await printOf(job.grant, now))) {
        report.unchanged++;
        return true;
      }
      const done = await sink.put(await recordOf(party, job.grant, now), { dryRun: options.dryRun, signal: options.signal });
      report[done.outcome]++;
      if (done.outcome !== "unchanged") report.written.push({ key: job.key, outcome: done.outcome, columns: done.columns });
      if (done.altered.length > 0) report.altered.push({ key: job.key, columns: done.altered });
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      fail(report, job.key, job.grant.id, error);
      return false;
    }
  };

  /** The sink's word that rows are durable, and only then the cursor. */
  const commitRows = async (sink: Sink, report: SyncReport, jobs: readonly Job[], now: number, options: SyncOptions): Promise<void> => {
    if (options.dryRun || jobs.length === 0 || !(await committed(sink, report, jobs))) return;
    for (const { grant } of jobs) {
      printsOf(sink).set(grant.id, await printOf(grant, now));
      await party.book.saveGrant(prunedGrant(grant, now));
    }
  };

  /** Reads one grant. What comes back has to be written or erased, and its lock is held; undefined: it is left as it is. */
  const look = async (id: string, report: SyncReport, options: SyncOptions): Promise<HeldJob | undefined> => {
    const release = await party.book.locks.acquire(id);
    const key = await rowKey(id);
    const grant = await party.book.grant(id);
    if (grant === undefined || grant.ended !== null) {
      release();
      return undefined;
    }
    try {
      return { key, grant: await readOn(grant, report, options), release };
    } catch (thrown) {
      const error = asCounterfoilError(thrown);
      const at = new Date(party.now()).toISOString();
      if (!options.signal?.aborted && error.code === "grant_revoked") return { key, grant, why: { reason: "revoked", at }, release };
      if (!options.signal?.aborted && error.code === "grant_expired") return { key, grant, why: { reason: "expired", at }, release };
      if (error.code === "grant_paused") {
        report.paused++;
        const paused = { ...grant, paused: true };
        if (!options.dryRun && !grant.paused) await party.book.saveGrant(paused);
        // Its row stays, and says from now on that nobody may be reached.
        if (grant.read !== null) return { key, grant: paused, release };
        release();
        return undefined;
      }
      if (error.reason === "frequency_exceeded") report.held++;
      else if (!options.signal?.aborted) fail(report, key, id, error);
      release();
      return undefined;
    }
  };

  /** The grant after a read, not yet saved but for what makes later checks stricter; as it is where its frequency allows none. */
  const readOn = async (grant: StoredGrant, report: SyncReport, { dryRun, signal }: SyncOptions): Promise<StoredGrant> => {
    if (!mayRead(grant, party.now())) {
      // Not a read: a refresh tells whether the grant still stands.
      if (grant.refresh !== null) await tokens.refresh({ id: grant.id, refresh: grant.refresh }, signal);
      report.held++;
      return grant;
    }
    const { next } = await read(grant, { since: grant.cursor, signal }).catch((error: unknown) => {
      if (error instanceof CounterfoilError && error.reason === "cursor_expired") return read(grant, { since: null, signal });
      throw error;
    });
    if (!dryRun) await party.book.saveGrant(tightenedGrant(grant, next));
    return next;
  };

  const batch = async (sink: Sink, ids: readonly string[], report: SyncReport, options: SyncOptions): Promise<void> => {
    const width = options.concurrency ?? 4;
    const jobs: HeldJob[] = [];
    try {
      await inParallel(ids, width, async (id) => {
        options.signal?.throwIfAborted();
        const job = await look(id, report, options);
        if (job !== undefined) jobs.push(job);
      });
      options.signal?.throwIfAborted();
      await eraseAll(
        sink,
        report,
        jobs.flatMap(({ key, grant, why }) => (why === undefined ? [] : [{ key, grant, why }])),
        options,
      );
      const rows: Job[] = [];
      await inParallel(
        jobs.filter(({ why }) => why === undefined),
        width,
        async ({ key, grant }) => {
          // The grant may have lapsed since it was read.
          const now = party.now();
          const why = endingOf(grant, now);
          if (why !== undefined) await eraseAll(sink, report, [{ key, grant, why }], options);
          else if (await put(sink, report, { key, grant }, now, options)) rows.push({ key, grant });
        },
      );
      await commitRows(sink, report, rows, party.now(), options);
    } finally {
      for (const { release } of jobs) release();
    }
  };

  return {
    sync: (sink, options = {}) =>
      run(sink, options, async (report) => {
        const ids = await party.book.grantIds();
        await enforceAll(sink, report, ids, party.now(), options);
        for (let at = 0; at < ids.length; at += BATCH) {
          options.signal?.throwIfAborted();
          await batch(sink, ids.slice(at, at + BATCH), report, options);
        }
      }),
    enforce: (sink, now) =>
      run(sink, {}, async (report) => enforceAll(sink, report, await party.book.grantIds(), now?.getTime() ?? party.now(), {})),
  };
}
