import { fitDone } from "./attestation.ts";
import type { Attesting } from "./attesting.ts";
import type { Ending, PutReport, Remainder, Sink } from "./crm/sink.ts";
import { endedGrant, isWanted, lapsedGrant, prunedGrant, unwrittenGrant, wantedFrom, writtenGrant } from "./endings.ts";
import { asCounterfoilError } from "./error.ts";
import { nextLapse } from "./keeping.ts";
import { owesIn, owing, sinksToGo, triedIn } from "./owing.ts";
import type { Party } from "./party.ts";
import { printOf, recordOf } from "./row.ts";
import type { GrantHead, StoredGrant } from "./state.ts";
import type { SyncOptions, SyncReport } from "./sync-report.ts";

/** One grant on its way through a sync. `saved`: it is in the state as it is here. */
export interface Job {
  key: string;
  grant: StoredGrant;
  saved?: boolean;
}
/** `why`: its row has to go. */
export interface Ended extends Job {
  why: Ending;
}
/** `put`: what the sink did; undefined where it had nothing to do. */
export interface Written extends Job {
  put: PutReport | undefined;
}

type Options = Pick<SyncOptions, "dryRun" | "signal">;

/** Rows in a sink, and what the state may say of them: only what the sink has confirmed. */
export interface RowWriter {
  /** Erases in the sink, makes that durable, then forgets in the state and attests. False where that could not be made durable. */
  eraseAll(sink: Sink, report: SyncReport, jobs: readonly Ended[], options: Options): Promise<boolean>;
  /** Undefined where the sink failed. */
  put(sink: Sink, report: SyncReport, job: Job, now: number, options: Options): Promise<Written | undefined>;
  /** The sink's word that rows are durable, and only then the cursor. False where the sink failed. */
  commitRows(sink: Sink, report: SyncReport, jobs: readonly Written[], now: number, options: Options): Promise<boolean>;
  /** Whether this process wrote the row when it said more: a purpose has ended since. */
  isStale(sink: Sink, grant: StoredGrant, now: number): Promise<boolean>;
  fail(report: SyncReport, key: string, grant: string, thrown: unknown): void;
  /** Remembers that this sink has confirmed all of a grant, or its end: nothing is to be looked at before its state changes or its time comes. */
  rest(sink: Sink, grant: GrantHead, now: number): void;
  resting(sink: Sink, id: string, now: number): Resting | undefined;
}

/** A grant that needs nothing now, as this process knows. */
export interface Resting {
  readonly saves: number;
  /** Epoch milliseconds. */
  readonly until: number;
  readonly state: "living" | "paused" | "gone";
  readonly server: string | null;
}

const NOTHING: { did: readonly string[]; remains: readonly Remainder[] } = { did: [], remains: [] };

export function rowWriter(party: Party, forget: (grant: StoredGrant) => void, attest: Attesting): RowWriter {
  const resting = new WeakMap<Sink, Map<string, Resting>>();
  const restsIn = (sink: Sink): Map<string, Resting> => {
    const known = resting.get(sink) ?? new Map<string, Resting>();
    resting.set(sink, known);
    return known;
  };
  const rest: RowWriter["rest"] = (sink, grant, now) => {
    const gone = grant.ended !== null;
    if (gone ? !grant.erasedIn.includes(sink.name) : isWanted(grant, now)) return;
    const until = gone ? Number.POSITIVE_INFINITY : Math.min(nextLapse(grant, now) ?? now, wantedFrom(grant, now));
    restsIn(sink).set(grant.id, {
      saves: party.book.saves(grant.id),
      until,
      state: gone ? "gone" : grant.paused ? "paused" : "living",
      server: grant.server,
    });
  };

  /** What this process last saw confirmed by each sink: the first sync of a process compares every row, later ones only what moved. */
  const confirmed = new WeakMap<Sink, Map<string, string>>();
  const printsOf = (sink: Sink): Map<string, string> => {
    const known = confirmed.get(sink) ?? new Map<string, string>();
    confirmed.set(sink, known);
    return known;
  };

  const fail: RowWriter["fail"] = (report, key, grant, thrown) => {
    const error = asCounterfoilError(thrown);
    party.on({ type: "refused", grant, code: error.code, reason: error.reason });
    report.failed.push({ key, grant, error });
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

  /** With what the sink did; undefined where it failed. */
  const erase = async (sink: Sink, report: SyncReport, { key, grant, why }: Ended, options: Options) => {
    try {
      const done = await sink.erase(key, why, options);
      const again = why.reason === "retention" && Object.keys(grant.shares).length === 0 && done.did.length === 0;
      if (again || done.did.length + done.remains.length === 0) return NOTHING;
      report.erased++;
      report.erasures.push({ key, grant: grant.id, reason: why.reason, ...done });
      return done;
    } catch (error) {
      options.signal?.throwIfAborted();
      fail(report, key, grant.id, error);
      return undefined;
    }
  };

  /** The grant with what this sink did, saved once its attestation is safe. */
  const settle = async (report: SyncReport, grant: StoredGrant, sink: Sink, done: typeof NOTHING): Promise<void> => {
    const next = await attest.done(grant, sink.name, done);
    const sinks = sinksToGo(next);
    if (sinks !== undefined && sinks.length > 0) report.attestations.owed.push({ grant: grant.id, sinks });
    await party.book.saveGrant(next);
  };

  return {
    fail,
    rest,
    resting(sink, id, now) {
      const found = restsIn(sink).get(id);
      if (found !== undefined && found.saves === party.book.saves(id) && now < found.until) return found;
      restsIn(sink).delete(id);
      return undefined;
    },
    async eraseAll(sink, report, jobs, options) {
      const gone: Array<Ended & { done: typeof NOTHING }> = [];
      for (const job of jobs) {
        const { why } = job;
        const retained = why.reason === "retention";
        let grant = retained ? job.grant : endedGrant(job.grant, why);
        // What was learned of an end is kept even where the sink fails, so that the next run tries again without asking.
        if (!options.dryRun && !retained && job.grant.ended === null) await party.book.saveGrant(grant);
        const done = await erase(sink, report, job, options);
        if (done === undefined) continue;
        if (!options.dryRun && done.did.length > 0 && grant.owes !== null) {
          grant = triedIn(grant, sink.name, fitDone(done));
          await party.book.saveGrant(grant);
        }
        gone.push({ ...job, grant, done });
      }
      if (options.dryRun || gone.length === 0) return true;
      if (!(await committed(sink, report, gone))) return false;
      for (const { grant, why, done } of gone) {
        forget(grant);
        printsOf(sink).delete(grant.id);
        if (why.reason !== "retention") {
          await settle(report, endedGrant(grant, why, sink.name), sink, done);
          continue;
        }
        const lapsed = unwrittenGrant(lapsedGrant(grant), sink.name);
        if (done === NOTHING) await party.book.saveGrant(lapsed);
        // Of a narrowing that waits for this sink it is the end too.
        else await settle(report, lapsed.owes === null ? owing(lapsed, "retention", why.at) : lapsed, sink, done);
      }
      return true;
    },

    async put(sink, report, { key, grant, saved = false }, now, options) {
      try {
        if (printsOf(sink).get(grant.id) === (await printOf(grant, now))) {
          report.unchanged++;
          return { key, grant, saved, put: undefined };
        }
        const put = await sink.put(await recordOf(party, grant, now), options);
        report[put.outcome]++;
        if (put.outcome !== "unchanged") report.written.push({ key, outcome: put.outcome, columns: put.columns });
        if (put.altered.length > 0) report.altered.push({ key, columns: put.altered });
        return { key, grant, saved, put };
      } catch (error) {
        options.signal?.throwIfAborted();
        fail(report, key, grant.id, error);
        return undefined;
      }
    },

    async commitRows(sink, report, jobs, now, options) {
      if (options.dryRun || jobs.length === 0) return true;
      if (!(await committed(sink, report, jobs))) return false;
      for (const { key, grant, saved, put } of jobs) {
        printsOf(sink).set(grant.id, await printOf(grant, now));
        const written = writtenGrant(prunedGrant(grant, now), sink.name);
        if (grant.owes?.reason !== "narrowed" || !owesIn(grant, sink.name)) {
          if (!saved || written !== grant) await party.book.saveGrant(written);
          rest(sink, written, now);
          continue;
        }
        const blanked = put?.blanked ?? [];
        const did = blanked.length === 0 ? ["nothing of it is held any more"] : blanked.map((column) => `blanked: ${column}`);
        const done = { did, remains: put?.remains ?? [] };
        if (blanked.length > 0) report.erasures.push({ key, grant: grant.id, reason: "narrowed", ...done });
        await settle(report, written, sink, done);
      }
      return true;
    },

    async isStale(sink, grant, now) {
      const print = printsOf(sink).get(grant.id);
      return print !== undefined && print !== (await printOf(grant, now));
    },
  };
}
