import { instant } from "../digest.ts";
import type { ShareRow } from "../rows.ts";
import type { Ended, Moved } from "../store/changes.ts";
import { writeCursor } from "./pull-cursor.ts";

/*
 * Lines of a bulk pull. As in a pull, boxes, paths, tokens and times have passed patterns when they came in, none of which has a
 * character that JSON escapes.
 */

interface Head {
  readonly consent: string;
  readonly grantKey: string;
  readonly complete: boolean;
}

export const grantLine = (grant: string, { consent, grantKey, complete }: Head, since: boolean): string =>
  `{"type":"grant","grant":"${grant}","consent":"${consent}","grant_key":"${grantKey}","complete":${complete},"since":${since}}\n`;

export function recordLines(shares: readonly ShareRow[]): string {
  let lines = "";
  let at = Number.NaN;
  let text = "";
  for (const { path, version, body, updated } of shares) {
    // What is shared together was updated together: one date is written for all of it.
    if (updated !== at) [at, text] = [updated, instant(updated)];
    lines += `{"type":"record","path":"${path}","version":${version},"body":"${body}","updated":"${text}"}\n`;
  }
  return lines;
}

/** @param next where a pull of this grant alone goes on */
export const readLine = (grant: string, { read, next }: { read: number; next: number }, at: number): string =>
  `{"type":"read","grant":"${grant}","read":${read},"at":"${instant(at)}","cursor":"${writeCursor(String(next))}"}\n`;

export const heldLine = (grant: string, until: number | null): string =>
  `{"type":"held","grant":"${grant}","until":${until === null ? null : `"${instant(until)}"`}}\n`;

export const pausedLine = (grant: string): string => `{"type":"paused","grant":"${grant}"}\n`;

export const endedLine = (grant: string, { state, deleteBy }: Ended): string =>
  `{"type":"ended","grant":"${grant}","state":"${state}","delete_by":${deleteBy === null ? null : `"${instant(deleteBy)}"`}}\n`;

export const movedLine = (grant: string, { to, statement }: Moved): string =>
  `${JSON.stringify({ type: "moved", grant, to, statement })}\n`;

export const cursorLine = (cursor: string, more: boolean, remaining: number): string =>
  `{"type":"cursor","cursor":"${cursor}","more":${more},"remaining":${remaining}}\n`;

export const faultLine = (code: string, detail: string): string => `${JSON.stringify({ type: "fault", code, detail })}\n`;
