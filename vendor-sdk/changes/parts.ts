import type { ChangeLine } from "../../protocol/changes.ts";
import type { Pull } from "../../protocol/vendor-api.ts";
import { asCounterfoilError, CounterfoilError } from "../error.ts";
import type { Party } from "../party.ts";
import type { StoredGrant } from "../state.ts";
import { type Reading, type Taking, taking } from "../taking.ts";
import type { BulkLine } from "./bulk-read.ts";

type Line<T extends ChangeLine["type"]> = Extract<ChangeLine, { type: T }>;

/**
 * What a bulk read says of a grant that is known here and lives, or of the end of one. The grant's lock is held until `release`. `read`:
 * everything was checked, nothing is saved; `failed`: it wasn't found good, or can't be taken, and must be read by itself.
 */
export type GrantPart = { grant: StoredGrant; release: () => void } & (
  | { type: "read"; reading: Reading }
  | { type: "failed"; error: CounterfoilError }
  | { type: "held"; until: string | null }
  | { type: "paused" }
  | Pick<Line<"ended">, "type" | "state" | "delete_by">
  | Pick<Line<"moved">, "type" | "to" | "statement">
);

/** What a bulk read gives, whole: parts of grants, and cursors behind them. */
export type BulkItem = GrantPart | Line<"cursor">;

/** What making parts of lines needs. */
export interface PartsOptions {
  readonly party: Party;
  /** Whose grants these are. */
  readonly server: string;
  /** Takes a grant's lock. Whoever holds others gives them back first, so that nobody waits for each other. */
  acquire(grant: string): Promise<() => void>;
  /** Hears each grant that the server names, known or not. */
  named?(grant: string): void;
  /** Hears each that this vendor's state doesn't know: its customer may not have come back yet. */
  unknown?(grant: string): void;
  /** Whether it is also said of a grant that it has ended which is known here to have: an event, or a sync, may have been first. */
  readonly repeatEnds?: boolean;
}

/** Opened together. */
const TOGETHER = 64;

interface Open {
  readonly grant: StoredGrant;
  readonly release: () => void;
  readonly part: Taking;
  readonly complete: boolean;
  readonly records: Pull["records"][number][];
}

/**
 * Makes parts of lines: every check of a pull for each grant, one grant in memory at a time. What has no `read` is thrown away; what is
 * said of grants that aren't known here, have ended or are elsewhere is passed over.
 */
export async function* partsOf(
  pieces: AsyncIterable<BulkLine[]>,
  { party, server, acquire, named, unknown, repeatEnds = false }: PartsOptions,
): AsyncGenerator<BulkItem, void> {
  let open: Open | undefined;

  const drop = (): void => {
    open?.release();
    open = undefined;
  };
  /** Its lock is the caller's from now on. */
  const fail = (thrown: unknown): GrantPart | undefined => {
    if (open === undefined) return undefined;
    const { grant, release } = open;
    open = undefined;
    return { type: "failed", grant, release, error: asCounterfoilError(thrown) };
  };
  const known = async (id: string, alsoEnded = false): Promise<{ grant: StoredGrant; release: () => void } | undefined> => {
    named?.(id);
    // Without a lock: of most that pass over nothing is to be waited for.
    if ((await party.book.head(id)) === undefined) {
      unknown?.(id);
      return undefined;
    }
    const release = await acquire(id);
    const grant = await party.book.grant(id).catch((error: unknown) => {
      release();
      throw error;
    });
    const isMeant = grant !== undefined && (grant.ended === null || alsoEnded);
    if (isMeant && (grant.server ?? party.server) === server) return { grant, release };
    release();
    return undefined;
  };
  const begin = async (line: Line<"grant">): Promise<GrantPart | undefined> => {
    const found = await known(line.grant);
    if (found === undefined) return undefined;
    const { grant, release } = found;
    // Something is missing here that a later read doesn't have: only one from where the grant itself stands has it.
    if (line.since && (grant.cursor === null || grant.behind))
      return {
        type: "failed",
        grant,
        release,
        error: new CounterfoilError("conflict", "this grant has to be read anew", { reason: BEHIND }),
      };
    open = { grant, release, part: taking(party, grant, line.since ? "feed" : "whole"), complete: line.complete, records: [] };
    try {
      await open.part.under(line.consent, line.grant_key);
    } catch (error) {
      return fail(error);
    }
    return undefined;
  };
  const close = ({ grant, read, at, cursor }: Line<"read">): GrantPart | undefined => {
    if (open === undefined) return undefined;
    if (open.grant.id !== grant) return fail(malformed());
    const { release, part, complete } = open;
    const reading = part.close({ complete, cursor, receipt: { read, at }, counts: complete, lastRead: null });
    const item: GrantPart = { type: "read", grant: open.grant, release, reading };
    open = undefined;
    return item;
  };
  const flush = async (least: number): Promise<GrantPart | undefined> => {
    if (open === undefined || open.records.length < least) return undefined;
    try {
      await open.part.add(open.records.splice(0));
    } catch (error) {
      return fail(error);
    }
    return undefined;
  };
  const other = async (line: Line<"held" | "paused" | "ended" | "moved">): Promise<GrantPart | undefined> => {
    const found = await known(line.grant, repeatEnds && line.type === "ended");
    if (found === undefined) return undefined;
    if (line.type === "held") return { type: "held", until: line.until, ...found };
    if (line.type === "paused") return { type: "paused", ...found };
    if (line.type === "moved") return { type: "moved", to: line.to, statement: line.statement, ...found };
    return { type: "ended", state: line.state, delete_by: line.delete_by, ...found };
  };

  try {
    for await (const piece of pieces)
      for (const line of piece) {
        if (line.type === "record") {
          open?.records.push(line);
          const failed = await flush(TOGETHER);
          if (failed !== undefined) yield failed;
          continue;
        }
        // Whatever comes before its `read` says that the part before it was cut off.
        const failed = line.type === "read" ? await flush(0) : undefined;
        if (failed !== undefined) yield failed;
        let item: BulkItem | undefined;
        if (line.type === "read") item = close(line);
        else if (line.type === "broken") item = fail(malformed()) ?? (await brokenOf(line.grant, known));
        else {
          drop();
          if (line.type === "grant") item = await begin(line);
          else if (line.type === "cursor") item = line;
          else if (line.type !== "cut" && line.type !== "fault") item = await other(line);
        }
        if (item !== undefined) yield item;
      }
  } finally {
    drop();
  }
}

/** The reason of a part that is no fault: it says too little for what is held here. */
export const BEHIND = "behind";

const malformed = (): CounterfoilError =>
  new CounterfoilError("integrity", "a line of the bulk read has an unknown shape", { reason: "malformed" });

async function brokenOf(
  id: string | undefined,
  known: (id: string) => Promise<{ grant: StoredGrant; release: () => void } | undefined>,
): Promise<GrantPart | undefined> {
  const found = id === undefined ? undefined : await known(id);
  return found && { type: "failed", error: malformed(), ...found };
}
