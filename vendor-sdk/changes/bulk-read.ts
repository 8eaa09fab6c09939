import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { CHANGE_LINES, type ChangeLine } from "../../protocol/changes.ts";
import { Id } from "../../protocol/shapes.ts";
import { CounterfoilError } from "../error.ts";
import type { Listener } from "../event.ts";
import type { VendorStream } from "../vendor-call.ts";
import { linesOf } from "./ndjson.ts";

/** A line of a bulk read; `cut`: what was begun before it is not finished and comes again; `broken`: a line that isn't what it says. */
export type BulkLine = ChangeLine | { type: "cut" } | { type: "broken"; grant: string | undefined };

/**
 * A bulk read from a cursor, or from the beginning, until there is nothing more: lines as they come, those of one piece together. A
 * connection that is cut goes on behind the last cursor. Nothing is asked for as long as what came isn't worked off.
 * @throws {CounterfoilError} `conflict`, reason `cursor_expired`: begin anew; `unavailable` as often as it was tried; `integrity`
 */
export type ReadBulk = (since: string | null, signal?: AbortSignal) => AsyncGenerator<BulkLine[], void>;

/** What a bulk read is made of. */
export interface BulkParts {
  readonly stream: VendorStream;
  readonly on: Listener;
  /** How often in a row a connection may be cut that brought no new cursor. */
  readonly maxRetries: number;
}

/** A consent and a sealed grant key, of at most 100 000 characters each. */
const MOST_BYTES = 262_144;
/** Lines without a cursor: more than any grant has records. */
const MOST_LINES = 1_000_000;
/** Lines with a new cursor, and more to come, that brought nothing else. */
const MOST_EMPTY = 1000;

export function bulkRead({ stream, on, maxRetries }: BulkParts): ReadBulk {
  return async function* (since, signal) {
    let cursor = since;
    let cuts = 0;
    let empty = 0;
    for (let more = true; more; ) {
      const before = cursor;
      let ended = false;
      let count = 0;
      let fault: CounterfoilError | undefined;
      const chunks = await stream("changes", { query: cursor === null ? {} : { since: cursor }, signal });
      try {
        for await (const texts of linesOf(chunks, MOST_BYTES)) {
          signal?.throwIfAborted();
          const lines = texts.map(lineOf).filter((line) => line !== undefined);
          for (const line of lines) {
            ended = line.type === "cursor";
            if (line.type === "fault") fault = faultOf(line.code);
            if (line.type !== "cursor") count++;
            else {
              empty = count === 0 && line.more ? empty + 1 : 0;
              count = 0;
              ({ cursor, more } = line);
            }
          }
          if (count > MOST_LINES || empty > MOST_EMPTY) throw endless();
          if (lines.length > 0) yield lines;
          if (fault !== undefined) break;
        }
      } catch (thrown) {
        if (!(thrown instanceof CounterfoilError) || !thrown.retryable || signal?.aborted) throw thrown;
        fault = thrown;
      }
      if (ended && fault === undefined) {
        if (more && cursor === before) throw endless();
        continue;
      }
      // The last line is always a cursor: whatever has another one was cut, even where it looks whole.
      more = true;
      cuts = cursor === before ? cuts + 1 : 0;
      const afterMs = 200 * 2 ** cuts * (0.5 + Math.random() / 2);
      if (cuts > maxRetries)
        throw fault ?? new CounterfoilError("unavailable", "the bulk read was cut again and again", { reason: "network" });
      yield [{ type: "cut" }];
      on({ type: "retry", call: "changes", attempt: cuts, afterMs });
      await sleep(afterMs, undefined, { signal });
    }
  };
}

const endless = (): CounterfoilError => new CounterfoilError("integrity", "the bulk read has no end", { reason: "pages" });

const faultOf = (code: string): CounterfoilError =>
  new CounterfoilError(code === "rate_limited" ? "rate_limited" : "unavailable", "the server could not go on with the bulk read", {
    reason: /^[a-z_]{1,60}$/.test(code) ? code : "fault",
  });

/** Undefined of a type that this version doesn't know. */
function lineOf(text: string): BulkLine | undefined {
  const found = jsonOf(text);
  const { type } = found;
  if (typeof type !== "string" || !Object.hasOwn(CHANGE_LINES, type)) return undefined;
  const parsed = v.safeParse(CHANGE_LINES[type as ChangeLine["type"]], found);
  if (parsed.success) return parsed.output;
  if (type === "cursor" || type === "fault") throw malformed();
  return { type: "broken", grant: v.is(Id, found.grant) ? found.grant : undefined };
}

function jsonOf(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw malformed();
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed();
  return json as Record<string, unknown>;
}

const malformed = (): CounterfoilError =>
  new CounterfoilError("integrity", "a line of the bulk read can't be read", { reason: "malformed" });
