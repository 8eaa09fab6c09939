import { Refusal } from "#protocol/refusal.ts";
import type { Place } from "../store/read.ts";

const CURSOR = /^(?:([A-Za-z0-9_-]{11})~)?(\d{1,15})(?:\.(\d{1,15})\.([0-9a-z]{11}\/[A-Za-z0-9/_:-]{1,200}))?$/;

/** @param tag what goes before the cursors of a narrowed token: under other details, other shares have been passed over */
export function readCursor(text: string | undefined, tag: string | undefined): Place {
  if (text === undefined) return { since: 0, page: undefined };
  const [, own, since, through, after] = CURSOR.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  if (since === undefined || own !== tag)
    throw new Refusal("cursor_expired", "This cursor is not one of this grant, or of other details. Read from the beginning.", {
      pointer: "/since",
    });
  return { since: Number(since), page: through === undefined || after === undefined ? undefined : { through: Number(through), after } };
}

/** `text`: a position, or one with a page. */
export const writeCursor = (text: string, tag?: string): string =>
  Buffer.from(tag === undefined ? text : `${tag}~${text}`, "latin1").toString("base64url");
