import { deleteBy, REMINDER_TIME } from "#protocol/deletion.ts";
import type { DeletionRow, Rows } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { type Appointment, enter, strike } from "./calendar.ts";
import { type Grant, stateNow } from "./shares.ts";

/** What made it due. */
interface Cause {
  readonly reason: DeletionRow["reason"];
  readonly at: number;
  /** Whether now, or when what was granted has lapsed by itself. */
  readonly atOnce: boolean;
}

/** What a vendor owes from now on, and its reminder. `known`: the grant as it was before. */
export function owe(store: StoreWriter<Rows>, grant: string, { row, standing }: Grant, { reason, at, atOnce }: Cause): DeletionRow {
  const before = standing.deletion;
  const own = deleteBy({ at, atOnce, details: row.details, lastRead: standing.lastRead });
  // What was owed at once before is not given more time by a second change.
  const owed = before !== undefined && before.attested === null ? before.by : null;
  const by = own !== null && owed !== null && atOnce ? Math.min(own, owed) : own;
  if (before !== undefined) forgetReminder(store, grant, before);
  if (by !== null && by - REMINDER_TIME > at) enter(store, reminderOf(grant, by));
  return { reason, since: at, n: (row.n ?? 1) + (reason === "narrowed" ? 1 : 0), by, told: null, attested: null };
}

/** No reminder for what was attested, or is replaced. */
export function forgetReminder(store: StoreWriter<Rows>, grant: string, { by }: DeletionRow): void {
  if (by !== null) strike(store, reminderOf(grant, by));
}

const reminderOf = (grant: string, by: number): Appointment => ({ at: by - REMINDER_TIME, kind: "remind", grant });

/** What is owed, also where an end was never entered: by the clock before the sweep comes, or in a store from before. */
export function owedNow(known: Grant, now: number): DeletionRow | undefined {
  const { row, standing } = known;
  const { deletion, ended, lastRead } = standing;
  const owes = (reason: DeletionRow["reason"], since: number, atOnce: boolean): DeletionRow => ({
    reason,
    since,
    n: row.n ?? 1,
    by: deleteBy({ at: since, atOnce, details: row.details, lastRead }),
    told: null,
    attested: null,
  });
  if (ended !== null) return deletion ?? owes(ended.state, ended.at, ended.askDeletion);
  if (stateNow(known, now) === "expired" && deletion?.reason !== "expired") return owes("expired", row.expires, false);
  return deletion;
}
