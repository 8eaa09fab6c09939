import type { Medium } from "./storage.ts";

/**
 * Whether every standby that may be promoted has all that was answered (`synchronous_commit` on, and it is in `synchronous_standby_names`):
 * then a new timeline of the same database has lost nothing.
 */
export type Standby = "synchronous" | "asynchronous";

/**
 * Whether what is there now may lack something of what was there before: another place is a copy, and a timeline begins where an earlier
 * state went on. Only a standby that had everything goes on without a gap; the timeline before it is an older state even so.
 */
export const lacksSomething = (before: Medium, now: Medium, standby: Standby): boolean =>
  before.place !== now.place || now.timeline < before.timeline || (now.timeline > before.timeline && standby !== "synchronous");
