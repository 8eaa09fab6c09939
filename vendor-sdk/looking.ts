import { mayRead, tightenedGrant } from "./endings.ts";
import { asCounterfoilError, CounterfoilError, MovedAway } from "./error.ts";
import { rowKey } from "./grant.ts";
import type { Moves } from "./moves.ts";
import type { Party } from "./party.ts";
import type { Ended, Job, RowWriter } from "./row-writer.ts";
import type { StoredGrant } from "./state.ts";
import type { SyncReport } from "./sync-report.ts";
import type { Reading } from "./taking.ts";

/** A grant whose row has to be written, or has to go (`why`). */
export type Seen = Job & { why?: Ended["why"] };

/** How a grant is looked at: by a read as often as it allows, by asking where it stands, or as it is remembered. */
export type How = "read" | "ask" | "keep";

interface Options {
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Looking at one grant by itself. The caller has its lock. */
export interface Looking {
  /** Undefined: it is left as it is; what failed is in the report. */
  look(grant: StoredGrant, how: How, report: SyncReport, options: Options): Promise<Seen | undefined>;
  /** What comes of what was said of it elsewhere, or of a fault. */
  seen(grant: StoredGrant, found: StoredGrant | CounterfoilError, report: SyncReport, options: Options): Promise<Seen | undefined>;
  /** Asks where it stands, which is no read, and counts it where it is paused. */
  standing(grant: StoredGrant, options: Options & { paused?: boolean | undefined; report: SyncReport }): Promise<StoredGrant>;
}

/** Asks where a grant stands. @throws {CounterfoilError} `grant_revoked`, `grant_expired`, `integrity` */
export function asking(party: Party, moves: Moves) {
  return (
    before: StoredGrant,
    signal?: AbortSignal,
    { paused = before.paused, dryRun = false }: { paused?: boolean | undefined; dryRun?: boolean } = {},
  ): Promise<StoredGrant> =>
    moves.follow(before, async (server, grant) => {
      let next = grant.paused === paused ? grant : { ...grant, paused };
      try {
        next = (await server.ask(grant, signal)).next;
      } catch (error) {
        const final = ["grant_revoked", "grant_expired", "integrity"];
        if (
          !(error instanceof CounterfoilError) ||
          error instanceof MovedAway ||
          error.retryable ||
          final.includes(error.code) ||
          signal?.aborted
        )
          throw error;
        // A server that can't be asked still says by a refresh whether the grant stands.
        if (grant.refresh !== null) await server.tokens.refresh({ id: grant.id, refresh: grant.refresh }, signal);
      }
      // Its row stays in a pause, and says from now on that nobody may be reached.
      if (!dryRun && next !== grant) await party.book.saveGrant(next);
      return next;
    });
}

/** @param read hears each reading */
export function looking(party: Party, moves: Moves, rows: RowWriter, read: (reading: Reading) => void): Looking {
  const seen: Looking["seen"] = async (grant, found, report, { signal }) => {
    const key = await rowKey(grant.id);
    if (!(found instanceof CounterfoilError))
      // A row that was never written stays unwritten until something could be read.
      return found.read === null ? undefined : { key, grant: found };
    if (signal?.aborted) return undefined;
    const at = new Date(party.now()).toISOString();
    if (found.code === "grant_revoked") return { key, grant, why: { reason: found.reason === "declined" ? "declined" : "revoked", at } };
    if (found.code === "grant_expired") return { key, grant, why: { reason: "expired", at } };
    rows.fail(report, key, grant.id, found);
    return undefined;
  };

  const ask = asking(party, moves);
  const standing: Looking["standing"] = async (grant, { dryRun = false, signal, paused, report }) => {
    const next = await ask(grant, signal, { paused, dryRun });
    if (next.paused) report.paused++;
    return next;
  };

  /** The grant after a read, not yet saved but for what makes later checks stricter; where none is allowed, as the server says it stands. */
  const readOrAsk = async (before: StoredGrant, report: SyncReport, options: Options): Promise<StoredGrant> => {
    const { dryRun = false, signal } = options;
    if (!mayRead(before, party.now())) {
      report.held++;
      return standing(before, { ...options, report });
    }
    let grant = before;
    try {
      const reading = await moves.follow(before, (server, at) => {
        grant = at;
        return server.read(at, { since: at.cursor, signal }).catch((error: unknown) => {
          if (error instanceof CounterfoilError && error.reason === "cursor_expired") return server.read(at, { since: null, signal });
          throw error;
        });
      });
      read(reading);
      if (!dryRun) await party.book.saveGrant(tightenedGrant(grant, reading.next));
      return reading.next;
    } catch (error) {
      if (!(error instanceof CounterfoilError) || signal?.aborted) throw error;
      if (error.code === "grant_paused") return standing(grant, { ...options, paused: true, report });
      if (error.reason !== "frequency_exceeded") throw error;
      report.held++;
      return standing(grant, { ...options, report });
    }
  };

  return {
    seen,
    standing,
    async look(grant, how, report, options) {
      const found = async (): Promise<StoredGrant> => {
        if (how === "keep") return grant;
        return how === "read" ? readOrAsk(grant, report, options) : standing(grant, { ...options, report });
      };
      return seen(grant, await found().catch((thrown: unknown) => asCounterfoilError(thrown)), report, options);
    },
  };
}
