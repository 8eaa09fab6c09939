import type { Attesting } from "./attesting.ts";
import type { Sink } from "./crm/sink.ts";
import { endingOf, hasLapsed, isOverdue, mayRead, tightenedGrant } from "./endings.ts";
import { asCounterfoilError, CounterfoilError } from "./error.ts";
import { rowKey } from "./grant.ts";
import { inParallel } from "./in-parallel.ts";
import { keyedLock } from "./lock.ts";
import { owesIn } from "./owing.ts";
import type { Party } from "./party.ts";
import type { Read } from "./reading.ts";
import { type Ended, type Job, rowWriter, type Written } from "./row-writer.ts";
import type { AskStanding } from "./standing.ts";
import type { StoredGrant } from "./state.ts";
import { type EnforceOptions, emptyReport, type SyncOptions, type SyncReport } from "./sync-report.ts";
import type { Tokens } from "./tokens.ts";

/** Keeping a sink in step with every grant. A grant's fault is one of the report's `failed`, and the others go on. */
export interface Syncing {
  /**
   * Reads every grant as often as it allows, takes out what has ended, blanks what is no longer granted, writes what changed, and
   * moves on only when the sink has confirmed; then posts your signed word of what was erased. Runs over all grants wait for each other.
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
  readonly read: Read;
  readonly ask: AskStanding;
  readonly tokens: Tokens;
  readonly attest: Attesting;
}

const BATCH = 100;

/** On its way through a sync, with its row's lock. `why`: the row has to go. */
type HeldJob = Job & { why?: Ended["why"]; release: () => void };

export function syncing({ party, read, ask, tokens, attest }: SyncParts): Syncing {
  const runs = keyedLock();
  const checked = new WeakSet<Sink>();
  const rows = rowWriter(party, tokens, attest);

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

  const enforceAll = async (sink: Sink, report: SyncReport, ids: readonly string[], now: number, options: SyncOptions): Promise<void> => {
    for (const id of ids) {
      options.signal?.throwIfAborted();
      await party.book.locks.run(id, async () => {
        const head = await party.book.head(id);
        if (head === undefined || head.erasedIn.includes(sink.name)) return;
        const why = endingOf(head, now);
        const narrowed = head.owes?.reason === "narrowed" && owesIn(head, sink.name);
        if (why === undefined && !narrowed && !hasLapsed(head, now)) return;
        const grant = await party.book.grant(id);
        if (grant === undefined) return;
        const key = await rowKey(id);
        if (why !== undefined && !(why.reason === "retention" && grant.read === null))
          return rows.eraseAll(sink, report, [{ key, grant, why }], options);
        if (!narrowed && !isOverdue(grant, now) && !(await rows.isStale(sink, grant, now))) return;
        const written = await rows.put(sink, report, { key, grant }, now, options);
        if (written !== undefined) await rows.commitRows(sink, report, [written], now, options);
      });
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
    const seen = await readOrAsk(grant, report, options).catch((thrown: unknown) => asCounterfoilError(thrown));
    if (!(seen instanceof CounterfoilError)) {
      // A row that was never written stays unwritten until something could be read.
      if (seen.read !== null) return { key, grant: seen, release };
      release();
      return undefined;
    }
    const at = new Date(party.now()).toISOString();
    if (!options.signal?.aborted && seen.code === "grant_revoked")
      return { key, grant, why: { reason: seen.reason === "declined" ? "declined" : "revoked", at }, release };
    if (!options.signal?.aborted && seen.code === "grant_expired") return { key, grant, why: { reason: "expired", at }, release };
    if (!options.signal?.aborted) rows.fail(report, key, id, seen);
    release();
    return undefined;
  };

  /** The grant after a read, not yet saved but for what makes later checks stricter; where none is allowed, as the server says it stands. */
  const readOrAsk = async (grant: StoredGrant, report: SyncReport, { dryRun = false, signal }: SyncOptions): Promise<StoredGrant> => {
    if (!mayRead(grant, party.now())) {
      report.held++;
      return standing(grant, report, dryRun, signal);
    }
    try {
      const { next } = await read(grant, { since: grant.cursor, signal }).catch((error: unknown) => {
        if (error instanceof CounterfoilError && error.reason === "cursor_expired") return read(grant, { since: null, signal });
        throw error;
      });
      if (!dryRun) await party.book.saveGrant(tightenedGrant(grant, next));
      return next;
    } catch (error) {
      if (!(error instanceof CounterfoilError) || signal?.aborted) throw error;
      if (error.code === "grant_paused") return standing(grant, report, dryRun, signal, true);
      if (error.reason !== "frequency_exceeded") throw error;
      report.held++;
      return standing(grant, report, dryRun, signal);
    }
  };

  /** Not a read. A server that can't be asked still says by a refresh whether the grant stands. */
  const standing = async (
    grant: StoredGrant,
    report: SyncReport,
    dryRun: boolean,
    signal?: AbortSignal,
    paused = grant.paused,
  ): Promise<StoredGrant> => {
    let next = grant.paused === paused ? grant : { ...grant, paused };
    try {
      next = (await ask(grant, signal)).next;
    } catch (error) {
      const final = ["grant_revoked", "grant_expired", "integrity"];
      if (!(error instanceof CounterfoilError) || error.retryable || final.includes(error.code) || signal?.aborted) throw error;
      if (grant.refresh !== null) await tokens.refresh({ id: grant.id, refresh: grant.refresh }, signal);
    }
    if (next.paused) report.paused++;
    // Its row stays in a pause, and says from now on that nobody may be reached.
    if (!dryRun && next !== grant) await party.book.saveGrant(next);
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
      await rows.eraseAll(
        sink,
        report,
        jobs.flatMap(({ key, grant, why }) => (why === undefined ? [] : [{ key, grant, why }])),
        options,
      );
      const put: Written[] = [];
      await inParallel(
        jobs.filter(({ why }) => why === undefined),
        width,
        async ({ key, grant }) => {
          // The grant may have lapsed since it was read.
          const now = party.now();
          const why = endingOf(grant, now);
          if (why !== undefined) return rows.eraseAll(sink, report, [{ key, grant, why }], options);
          const written = await rows.put(sink, report, { key, grant }, now, options);
          if (written !== undefined) put.push(written);
        },
      );
      await rows.commitRows(sink, report, put, party.now(), options);
    } finally {
      for (const { release } of jobs) release();
    }
  };

  return {
    sync: (sink, options = {}) =>
      run(sink, options, async (report, ids) => {
        await enforceAll(sink, report, ids, party.now(), options);
        for (let at = 0; at < ids.length; at += BATCH) {
          options.signal?.throwIfAborted();
          await batch(sink, ids.slice(at, at + BATCH), report, options);
        }
      }),
    enforce: (sink, { now, ...options } = {}) =>
      run(sink, options, (report, ids) => enforceAll(sink, report, ids, now?.getTime() ?? party.now(), options)),
  };
}
