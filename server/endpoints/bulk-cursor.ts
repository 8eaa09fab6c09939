import { Refusal } from "#protocol/refusal.ts";
import { BEGINNING, type Standpoint } from "../store/change-window.ts";

const CURSOR = /^([A-Za-z0-9_-]{1,64})\.(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15})\.(\d{1,15}))?$/;

/** @param life of the server: positions of another one mean nothing. @throws {Refusal} `cursor_expired` */
export function readCursor(text: string | undefined, life: string): Standpoint {
  if (text === undefined) return BEGINNING;
  const [, of, after, whole, through, done] = CURSOR.exec(Buffer.from(text, "base64url").toString("latin1")) ?? [];
  if (after === undefined || of !== life)
    throw new Refusal("cursor_expired", "This cursor is of another life of this server. Read from the beginning.", { pointer: "/since" });
  const within = through === undefined ? undefined : { through: Number(through), done: Number(done) };
  return { after: Number(after), whole: Number(whole), within };
}

export function writeCursor(life: string, { after, within, whole }: Standpoint): string {
  // What lies behind the reader needs no mark.
  const text = `${life}.${after}.${whole > after ? whole : 0}`;
  return Buffer.from(within === undefined ? text : `${text}.${within.through}.${within.done}`, "latin1").toString("base64url");
}
