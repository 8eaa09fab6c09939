import { randomText } from "./digest.ts";
import { lacksSomething, type Standby } from "./storage/medium.ts";
import { type Medium, type Storage, StorageError } from "./storage/storage.ts";

/** The document "life": since when what lies here has gone on without a gap. Times in epoch milliseconds. */
export interface Life {
  /** Random. Positions in feeds mean something within one life only: a copy begins another. */
  readonly id: string;
  /** How often this deployment was put back to an earlier state. A store whose row says less has grants that nobody has paused yet. */
  readonly restores: number;
  /** When it was put back last; null: never. */
  readonly restored: number | null;
  /** When the copy was made that it was put back to; null where nobody knows. */
  readonly from: number | null;
  /** Where it lies, as the engine tells: another medium holds a copy that somebody made beside us. */
  readonly medium: Medium | null;
}

type Documents = Pick<Storage, "changeDocument" | "getDocument" | "medium">;

interface Circumstances {
  readonly now: () => number;
  readonly standby?: Standby;
}

/**
 * The life that goes on, begun at the first start. Where the engine tells that this is a copy of what was here, it was restored.
 * @throws {StorageError} `layout` where an import is not finished: what is here is not all
 */
export async function openLife(storage: Documents, { now, standby = "asynchronous" }: Circumstances): Promise<Life> {
  const state = await storage.getDocument<{ readonly done: boolean }>("import");
  if (state?.done === false)
    throw new StorageError(
      "layout",
      "an import into this storage was cut, or is going on: finish it by counterfoil import, with the same file",
    );
  const medium = (await storage.medium?.()) ?? null;
  return change(storage, (life) => {
    if (life === undefined) return newLife(medium);
    if (wasPutBack(life.medium, medium, standby)) return restoredLife(life, { now: now(), from: null, medium });
    // What could not be told now is not forgotten.
    return medium === null || isSame(life.medium, medium) ? undefined : { ...life, medium };
  });
}

/** Marks what lies here as put back to an earlier state: every grant is paused before anybody reads it. `from`: when that state was copied. */
export async function markRestored(storage: Documents, { now, from }: { now: number; from: number | null }): Promise<Life> {
  const medium = (await storage.medium?.()) ?? null;
  return change(storage, (life) => restoredLife(life ?? newLife(medium), { now, from, medium }));
}

/** What lies here was brought whole to another medium with the servers stopped: nothing was lost. */
export async function markMoved(storage: Documents): Promise<Life> {
  const medium = (await storage.medium?.()) ?? null;
  return change(storage, (life) => ({ ...(life ?? newLife(medium)), medium }));
}

/** The life of an import: what the copy's own life said, under another id, since feeds begin anew. */
export const importedLife = ({ restores, restored, from }: Omit<Life, "medium">, medium: Medium | null): Life => ({
  id: randomText(16),
  restores,
  restored,
  from,
  medium,
});

export const newLife = (medium: Medium | null): Life => ({ id: randomText(16), restores: 0, restored: null, from: null, medium });

const restoredLife = (life: Life, { now, from, medium }: { now: number; from: number | null; medium: Medium | null }): Life => ({
  id: randomText(16),
  restores: life.restores + 1,
  restored: now,
  from,
  medium,
});

async function change(storage: Documents, work: (life: Life | undefined) => Life | undefined): Promise<Life> {
  const life = await storage.changeDocument<Life>("life", work);
  if (life === undefined) throw new Error("a document that was made is not there");
  return life;
}

const isSame = (one: Medium | null, other: Medium): boolean => one?.place === other.place && one.timeline === other.timeline;

/** An engine that can't tell says nothing, and neither does one that could not before. */
const wasPutBack = (before: Medium | null, now: Medium | null, standby: Standby): boolean =>
  before !== null && now !== null && lacksSomething(before, now, standby);
