import { kindAt } from "#protocol/categories.ts";
import { isEnded } from "#protocol/grant.ts";
import type { Content } from "#protocol/sealing/record.ts";
import type { Context } from "./context.ts";
import { explained } from "./faults.ts";
import { stateOfGrant } from "./grants.ts";
import type { OpenStore } from "./open-store.ts";
import { boxedSize } from "./plan.ts";
import { publish } from "./reading.ts";
import { isRefusal } from "./server.ts";
import { VaultError, type Working } from "./vault.ts";
import { backfill, write } from "./writing.ts";

/** Records and bytes of one commit. Two places are kept for a record that says what the commit belongs to. */
const MOST = { records: 998, bytes: 600_000 };
/** Bytes of a removal in a commit's body. */
const REMOVAL = 600;
/** How often a server that is asked too much is waited for, and how long at most: milliseconds. */
const PATIENCE = { times: 20, most: 120_000 };

export type Piece = ReadonlyMap<string, Content>;

/** Contents in as few commits as they fit into, each with room for the removals that follow from it. */
export function piecesOf(
  { grants, replica }: OpenStore,
  contents: Iterable<readonly [string, Content]>,
  now: number,
): Map<string, Content>[] {
  const readers = [...grants.values()].filter((known) => !isEnded(stateOfGrant(known, now))).length;
  const pieces: Map<string, Content>[] = [];
  let room = 0;
  for (const [path, content] of contents) {
    const shared = replica.records.has(path) && kindAt(path)?.shareable ? readers : 0;
    const size = boxedSize(content, path) + shared * REMOVAL;
    let piece = pieces.at(-1);
    if (piece === undefined || piece.size === MOST.records || size > room) {
      piece = new Map();
      pieces.push(piece);
      room = MOST.bytes;
    }
    piece.set(path, content);
    room -= size;
  }
  return pieces;
}

export interface Course {
  readonly pieces: readonly Piece[];
  /** Of all that is counted; what `extra` adds isn't. */
  readonly total: number;
  /** What a piece means in the store as it now is: made anew after a rebase. */
  readonly contents?: (store: OpenStore, piece: Piece, at: number) => Piece;
}

/**
 * One commit after another; the page sees the store again when all is done. A server that asks to wait is waited for.
 * @throws {VaultError} with how many records were saved before: those stay
 */
export async function writeMany(context: Context, { pieces, total, contents }: Course, working: Working = {}): Promise<void> {
  const behind = new Set<string>();
  let done = 0;
  context.quiet = true;
  try {
    for (const [at, piece] of pieces.entries()) {
      const { rest } = await patiently(context, working, () =>
        write(context, (store) => ({ contents: contents?.(store, piece, at) ?? piece })),
      );
      for (const grant of rest) behind.add(grant);
      done += piece.size;
      working.onProgress?.({ done: Math.min(done, total), total });
    }
    await patiently(context, {}, () => backfill(context, [...behind], true));
  } catch (error) {
    // What was saved is shared all the same; if not now, the next opening of the store sees to it.
    await patiently(context, {}, () => backfill(context, [...behind], true)).catch(() => undefined);
    throw explained(error, done);
  } finally {
    context.quiet = false;
    publish(context);
    if (done > 0) context.publish({ changed: true });
  }
}

async function patiently<T>(context: Context, { signal }: Working, work: () => Promise<T>): Promise<T> {
  for (let time = 1; ; time++) {
    if (signal?.aborted) throw new VaultError("cancelled", "stopped on the way");
    try {
      return await work();
    } catch (error) {
      if (!isRefusal(error, "rate_limited") || time === PATIENCE.times) throw error;
      await context.wait(Math.min(PATIENCE.most, (error.retryAfter ?? 5) * 1000));
    }
  }
}
