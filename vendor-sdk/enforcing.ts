import type { Sink } from "./crm/sink.ts";
import { endingOf, hasLapsed, isOverdue, isWanted } from "./endings.ts";
import { rowKey } from "./grant.ts";
import { owesIn } from "./owing.ts";
import type { Party } from "./party.ts";
import type { RowWriter } from "./row-writer.ts";
import type { GrantHead } from "./state.ts";
import type { SyncOptions, SyncReport } from "./sync-report.ts";

/** What a pass over all grants found, of one server. */
export interface Found {
  readonly living: string[];
  /** What this sink may not have as it is remembered. */
  readonly unsure: Set<string>;
  /** What no bulk read brings. */
  readonly wanted: Set<string>;
  /** When they were given, of those that a bulk read from the beginning should name. */
  readonly given: Map<string, number>;
  readonly resting: Map<string, "living" | "paused">;
}

/** Acts on what clock and memory say of these grants, without the server. Answers what lives on, by the issuer at which it is. */
export type EnforceAll = (
  sink: Sink,
  report: SyncReport,
  ids: readonly string[],
  now: number,
  options: SyncOptions,
) => Promise<Map<string, Found>>;

export function enforcing(party: Party, rows: RowWriter): EnforceAll {
  /** Acts on what clock and memory say of a grant. Answers it if it lives on. */
  const enforceOne = async (
    sink: Sink,
    report: SyncReport,
    id: string,
    now: number,
    options: SyncOptions,
  ): Promise<GrantHead | undefined> => {
    const head = await party.book.head(id);
    if (head === undefined) return undefined;
    if (head.erasedIn.includes(sink.name)) {
      rows.rest(sink, head, now);
      return undefined;
    }
    const why = endingOf(head, now);
    const narrowed = head.owes?.reason === "narrowed" && owesIn(head, sink.name);
    if (why === undefined && !narrowed && !hasLapsed(head, now)) return head;
    const grant = await party.book.grant(id);
    if (grant === undefined) return undefined;
    const key = await rowKey(id);
    if (why !== undefined && !(why.reason === "retention" && grant.read === null)) {
      await rows.eraseAll(sink, report, [{ key, grant, why }], options);
      return why.reason === "retention" ? party.book.head(id) : undefined;
    }
    if (!narrowed && !isOverdue(grant, now) && !(await rows.isStale(sink, grant, now))) return head;
    const written = await rows.put(sink, report, { key, grant }, now, options);
    if (written !== undefined) await rows.commitRows(sink, report, [written], now, options);
    return party.book.head(id);
  };

  return async (sink, report, ids, now, options) => {
    const found = new Map<string, Found>();
    const at = (server: string | null): Found => {
      const issuer = server ?? party.server;
      const known = found.get(issuer) ?? { living: [], unsure: new Set(), wanted: new Set(), given: new Map(), resting: new Map() };
      found.set(issuer, known);
      return known;
    };
    for (const id of ids) {
      options.signal?.throwIfAborted();
      const rest = rows.resting(sink, id, now);
      if (rest?.state === "gone") continue;
      if (rest !== undefined) {
        const { living, resting } = at(rest.server);
        living.push(id);
        resting.set(id, rest.state as "living" | "paused");
        continue;
      }
      const head = await party.book.locks.run(id, () => enforceOne(sink, report, id, now, options));
      if (head === undefined || head.ended !== null) continue;
      const group = at(head.server);
      group.living.push(id);
      group.unsure.add(id);
      group.given.set(id, head.given);
      if (isWanted(head, now)) group.wanted.add(id);
    }
    return found;
  };
}
