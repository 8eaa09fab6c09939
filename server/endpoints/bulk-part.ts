import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { limitRate } from "../guards/rate.ts";
import { type FeedName, StorageError } from "../storage/storage.ts";
import { type Changed, lastWord } from "../store/change-window.ts";
import type { Moved } from "../store/changes.ts";
import { type BulkReader, type GivenPart, hasNewer, type Part, postpone, readPart, type Wanted } from "../store/part.ts";
import type { PageSize } from "../store/read.ts";
import { endedLine, grantLine, heldLine, movedLine, pausedLine, readLine, recordLines } from "./write-changes.ts";

export interface BulkParts extends Pick<Deps, "storage" | "log" | "now"> {
  readonly rates: Deps["config"]["rates"];
  readonly reader: BulkReader;
  readonly feed: FeedName;
  readonly size: PageSize;
  /** Counts what goes out. */
  readonly note: (records: number) => void;
}

/** Lines about one grant, and where they end. */
export interface Said {
  readonly text: string;
  /** Who has these lines knows of the grant's changes through this position of it. */
  readonly known: number;
  /** There is more, piece by piece; answers what is known at the end. */
  readonly rest?: AsyncGenerator<string, number>;
}

/** Milliseconds after which a read that another one overtook is tried again. */
const AGAIN = 60_000;

type NotGiven = Exclude<Part, GivenPart | { type: "overtaken" | "gone" }> | ({ readonly type: "moved"; readonly known: number } & Moved);

/** Begins a grant's part: its first page, read and in the history. @throws {StorageError} */
export async function beginPart(parts: BulkParts, changed: Changed): Promise<Said> {
  const { grant, ended, moved, from, to } = changed;
  if (ended !== undefined) return { text: endedLine(grant, ended), known: to };
  if (moved !== undefined) return { text: movedLine(grant, moved), known: to };
  const wanted: Wanted = { since: from, page: undefined, owed: from };
  const part = await readOne(parts, changed, wanted);
  if (part.type !== "given") return { text: lineOf(grant, part), known: part.known };
  parts.note(part.page.length);
  if (part.after === undefined && part.whole && !part.current && (await hasNewer(parts.storage, grant, part.through)))
    return repeated(parts, changed, part);
  const text = grantLine(grant, part, !part.whole) + recordLines(part.page);
  // What is all on one page is of one moment.
  if (part.after === undefined && part.through >= to) return { text: text + readLine(grant, part, parts.now()), known: part.through };
  return { text, known: 0, rest: readOn(parts, changed, wanted, part) };
}

/**
 * A read of all that was given once more, as it was then: what has changed since then goes with it, or else what is missing could not be
 * told from what is gone.
 */
async function repeated(parts: BulkParts, changed: Changed, part: GivenPart): Promise<Said> {
  const { grant, from } = changed;
  const wanted: Wanted = { since: part.through, page: undefined, owed: from };
  const next = await readOne(parts, changed, wanted);
  const lines = recordLines(part.page);
  const alone = grantLine(grant, part, true) + lines + readLine(grant, part, parts.now());
  if (next.type !== "given") return { text: alone + lineOf(grant, next), known: next.known };
  parts.note(next.page.length);
  const more = recordLines(next.page);
  if (next.after === undefined && next.consent === part.consent)
    return { text: grantLine(grant, part, false) + lines + more + readLine(grant, next, parts.now()), known: next.through };
  return { text: alone + grantLine(grant, next, true) + more, known: 0, rest: readOn(parts, changed, wanted, { ...next, whole: false }) };
}

/** The pages after the first, until all is given that the feed has told of. */
async function* readOn(parts: BulkParts, changed: Changed, first: Wanted, begun: GivenPart): AsyncGenerator<string, number> {
  const { storage, now } = parts;
  const { grant, to } = changed;
  let [wanted, part] = [first, begun];
  for (;;) {
    if (part.after !== undefined) wanted = { ...wanted, page: { through: part.through, after: part.after } };
    else if (begun.whole) {
      // What moved behind this read on the way would look as if it were gone.
      if (part.through >= to && !(await hasNewer(storage, grant, part.through))) break;
      wanted = { ...wanted, since: part.through, page: undefined };
    } else {
      if (part.through >= to) break;
      yield readLine(grant, part, now());
      wanted = { since: part.through, page: undefined, owed: part.through };
    }
    const next = await readOne(parts, changed, wanted);
    if (next.type !== "given") {
      if (next.type === "held" && begun.whole && wanted.page === undefined) yield* closedAlone(parts, changed, first, begun);
      yield lineOf(grant, next);
      return next.known;
    }
    // Another consent came on the way: its own entry brings all of it, and this part is never closed.
    if (next.consent !== begun.consent) return 0;
    const isNew = !begun.whole && wanted.page === undefined;
    yield (isNew ? grantLine(grant, next, true) : "") + recordLines(next.page);
    parts.note(next.page.length);
    part = next;
  }
  yield readLine(grant, part, now());
  return part.through;
}

/**
 * What was given, once more and closed by itself: what came behind it waits for its frequency, and without an end nothing of it would
 * count. It is the same read again, fixed where it was.
 */
async function* closedAlone(parts: BulkParts, changed: Changed, first: Wanted, begun: GivenPart): AsyncGenerator<string, void> {
  const { grant } = changed;
  let wanted = first;
  for (;;) {
    const part = await readOne(parts, changed, wanted);
    if (part.type !== "given" || part.through !== begun.through || part.consent !== begun.consent) return;
    yield (wanted.page === undefined ? grantLine(grant, part, true) : "") + recordLines(part.page);
    parts.note(part.page.length);
    if (part.after === undefined) return yield readLine(grant, part, parts.now());
    wanted = { ...wanted, page: { through: part.through, after: part.after } };
  }
}

async function readOne(parts: BulkParts, changed: Changed, wanted: Wanted): Promise<GivenPart | NotGiven> {
  const { storage, rates, reader, size, log } = parts;
  const { grant } = changed;
  const now = parts.now();
  const later = async (until: number): Promise<NotGiven> => {
    await postpone(storage, grant, { from: wanted.owed, until });
    return { type: "held", until, known: 0 };
  };
  try {
    // Its later pages belong to the same read: a grant of more of them than a minute allows must come to its end.
    if (wanted.page === undefined) await limitRate(storage, "pull", grant, rates.pulls, now);
    const part = await readPart(storage, reader, grant, wanted, { now, repeats: rates.repeats, size });
    if (part.type === "gone") return await becomeOf(parts, changed);
    return part.type === "overtaken" ? await later(now + AGAIN) : part;
  } catch (error) {
    if (error instanceof Refusal && error.code === "rate_limited") return later(now + Number(error.extra.retryAfter) * 1000);
    // A broken store is nobody else's loss, nor is one that has no room for another line while the medium has.
    const isFull = error instanceof StorageError && error.code === "full";
    if (isFull) await storage.check();
    else if (!(error instanceof StorageError && error.code === "corrupt")) throw error;
    log.fault("changes", error);
    return { type: "held", until: null, known: 0 };
  }
}

/** What was said when it went away, after this reader had looked. A store that was lost has said nothing. */
async function becomeOf({ storage, feed }: BulkParts, changed: Changed): Promise<NotGiven> {
  const { ended, moved, to: known = 0 } = (await lastWord(storage, feed, changed)) ?? {};
  if (moved !== undefined) return { type: "moved", known, ...moved };
  return ended === undefined ? { type: "ended", state: "revoked", deleteBy: null, known: 0 } : { type: "ended", known, ...ended };
}

function lineOf(grant: string, part: NotGiven): string {
  if (part.type === "held") return heldLine(grant, part.until);
  if (part.type === "moved") return movedLine(grant, part);
  return part.type === "paused" ? pausedLine(grant) : endedLine(grant, part);
}
