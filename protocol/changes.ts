import * as v from "valibot";
import { Body, CompactJwe, CompactJws, Count, Id, Instant, Path, Positive, Text } from "./shapes.ts";

/**
 * Lines of a bulk pull (section 7): what changed in all grants of a vendor since its cursor, one JSON object a line (NDJSON). A grant's
 * part begins with `grant`, then come its `record`s, and `read` closes it: what has no `read` was cut off and comes again. A grant that
 * gives nothing now has one line instead: `held`, `paused`, `ended` or `moved`. After a grant's part a `cursor` may stand, from which a
 * reader that was cut off goes on; the last line is always one. Readers ignore types that they don't know.
 */
export const CHANGE_LINES = {
  /** As at the head of a pull. `since`: the records that follow are those that changed after an earlier read; false: all there are, and what isn't among them is gone. */
  grant: v.strictObject({
    type: v.literal("grant"),
    grant: Id,
    consent: CompactJws,
    grant_key: CompactJwe,
    complete: v.boolean(),
    since: v.boolean(),
  }),
  /** A share, or the removal of one, which only its reader can tell apart. */
  record: v.strictObject({ type: v.literal("record"), path: Path, version: Positive, body: Body, updated: Instant }),
  /** Names the line in the customer's history that was durable before the records were sent. `cursor`: where a pull of this grant alone goes on. */
  read: v.strictObject({ type: v.literal("read"), grant: Id, read: Positive, at: Instant, cursor: Text(400) }),
  /** Read as often as its customer allows, or its first values are still on their way (`until` null). It returns to the feed by itself. */
  held: v.strictObject({ type: v.literal("held"), grant: Id, until: v.nullable(Instant) }),
  paused: v.strictObject({ type: v.literal("paused"), grant: Id }),
  ended: v.strictObject({
    type: v.literal("ended"),
    grant: Id,
    state: v.picklist(["revoked", "expired", "declined"]),
    /** When what was read must be deleted; null: nothing is owed. */
    delete_by: v.nullable(Instant),
  }),
  /** Its customer has moved to another server: `statement` is the customer's own word (protocol/move.ts). */
  moved: v.strictObject({ type: v.literal("moved"), grant: Id, to: Text(300), statement: CompactJws }),
  /** `more`: there is more now; `remaining`: about how many grants, for a progress bar. */
  cursor: v.strictObject({ type: v.literal("cursor"), cursor: Text(400), more: v.boolean(), remaining: Count }),
  /** The server can't go on: as a Problem (section 13), when the answer has begun. The last line, after a cursor. */
  fault: v.strictObject({ type: v.literal("fault"), code: Text(60), detail: Text(500) }),
} as const;

export const ChangeLine = v.variant(
  "type",
  Object.values(CHANGE_LINES) as [(typeof CHANGE_LINES)["grant"], ...Array<(typeof CHANGE_LINES)[keyof typeof CHANGE_LINES]>],
);
export type ChangeLine = { [T in keyof typeof CHANGE_LINES]: v.InferOutput<(typeof CHANGE_LINES)[T]> }[keyof typeof CHANGE_LINES];
/** Media type of a bulk pull. */
export const NDJSON = "application/x-ndjson";
