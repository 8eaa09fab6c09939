import { type Changed, type ChangeWindow, knownThrough, nextWindow, type Standpoint, WINDOW } from "../store/change-window.ts";
import { writeCursor } from "./bulk-cursor.ts";
import { type BulkParts, beginPart, type Said } from "./bulk-part.ts";
import { cursorLine, faultLine } from "./write-changes.ts";

/** How fast a bulk read goes, and how much of it is in memory at a time. */
export interface Pace {
  /** Grants that are read side by side, at most, and characters of them that may wait to go out, as far as can be foreseen. */
  readonly ahead: number;
  readonly room: number;
  /** Characters that go out together, where grants are small. */
  readonly together: number;
  /** Entries of the feed that are looked at together. */
  readonly window: number;
  /** Milliseconds after which an answer ends, to go on with its cursor. */
  readonly limit: number;
}

export const PACE: Pace = { ahead: 32, room: 2_000_000, together: 65_536, window: WINDOW, limit: 300_000 };

/** Grants of which is remembered what one answer has given. */
const REMEMBERED = 50_000;

export interface BulkRead extends BulkParts {
  readonly life: string;
  readonly pace: Pace;
  /** Says what a reader can be told of an error. */
  readonly faultOf: (error: unknown) => { code: string; detail: string };
  /** Called between two pieces. */
  readonly keep: () => Promise<void>;
  /** Whether the server stops, or the reader may read no longer: then the answer ends early. */
  readonly isOver: () => boolean;
}

/**
 * The lines of a bulk pull from where its reader stands, in pieces that end at a line. Nothing is read that nobody takes: between two
 * pieces a few grants are in memory, a page of each.
 */
export async function* bulkLines(bulk: BulkRead, start: Standpoint, first: ChangeWindow): AsyncGenerator<string, void> {
  const { storage, feed, life, pace, log } = bulk;
  const end = performance.now() + pace.limit;
  const known = new Map<string, number>();
  let at = start;
  let text = "";
  let remaining = 0;
  const cursor = (more: boolean): string => cursorLine(writeCursor(life, at), more, remaining);
  try {
    for (let window = first; ; window = await nextWindow(storage, feed, at, pace.window)) {
      const grants = window.grants.filter(({ grant, to }) => (known.get(grant) ?? 0) < to);
      const queue = new Queue(bulk, grants);
      for (const [index, { grant, first: done }] of grants.entries()) {
        const said = await queue.next();
        text += said.text;
        let through = said.known;
        if (said.rest !== undefined) {
          for (let piece = await said.rest.next(); ; piece = await said.rest.next()) {
            yield text;
            text = "";
            await bulk.keep();
            if (piece.done === true) {
              through = piece.value;
              break;
            }
            text = piece.value;
          }
        }
        remember(known, grant, through);
        at = { after: at.after, within: { through: window.through, done }, whole: window.whole };
        remaining = grants.length - index - 1;
        const isOver = performance.now() > end || bulk.isOver();
        if (isOver) {
          yield text + cursor(true);
          return;
        }
        if (remaining === 0 || (text.length < pace.together && queue.isReady)) continue;
        yield text + cursor(true);
        text = "";
        await bulk.keep();
      }
      at = { after: window.through, within: undefined, whole: window.whole };
      if (!window.isFull) break;
    }
    remaining = 0;
    // What came while it was read is told again only where it was not in what was read.
    const isKnown = ({ grant, to }: { grant: string; to: number }): boolean => (known.get(grant) ?? 0) >= to;
    const last = known.size === 0 ? { at, more: false } : await knownThrough(storage, feed, at, isKnown);
    at = last.at;
    yield text + cursor(last.more);
  } catch (error) {
    log.fault("changes", error);
    const { code, detail } = bulk.faultOf(error);
    yield text + cursor(true) + faultLine(code, detail);
  }
}

/** The oldest are forgotten: what is told again is no fault. */
function remember(known: Map<string, number>, grant: string, through: number): void {
  known.delete(grant);
  known.set(grant, through);
  if (known.size <= REMEMBERED) return;
  for (const oldest of known.keys()) {
    known.delete(oldest);
    return;
  }
}

/** Begins parts a few ahead, and gives them in order. */
class Queue {
  readonly #bulk: BulkRead;
  readonly #grants: readonly Changed[];
  readonly #begun: Array<{ said: Promise<{ said: Said } | { error: unknown }>; isReady: boolean }> = [];
  #at = 0;
  /** About as large as parts are here. */
  #size = 250_000;

  constructor(bulk: BulkRead, grants: readonly Changed[]) {
    this.#bulk = bulk;
    this.#grants = grants;
  }

  /** Whether the next part is there already. */
  get isReady(): boolean {
    return this.#begun[0]?.isReady ?? false;
  }

  async next(): Promise<Said> {
    this.#fill();
    const result = await this.#begun.shift()?.said;
    if (result === undefined) throw new Error("no grant is left");
    if ("error" in result) throw result.error;
    this.#size = (3 * this.#size + result.said.text.length) / 4;
    this.#fill();
    return result.said;
  }

  #fill(): void {
    const { ahead, room } = this.#bulk.pace;
    while (this.#begun.length < Math.max(1, Math.min(ahead, room / this.#size))) {
      const changed = this.#grants[this.#at++];
      if (changed === undefined) return;
      // What fails is told when its turn comes.
      const begun = {
        isReady: false,
        said: beginPart(this.#bulk, changed)
          .then(
            (said) => ({ said }),
            (error: unknown) => ({ error }),
          )
          .finally(() => {
            begun.isReady = true;
          }),
      };
      this.#begun.push(begun);
    }
  }
}
