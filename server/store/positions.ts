import { Refusal } from "#protocol/refusal.ts";

/**
 * Positions, in a store's history and in its grants, of one life of the deployment each: 2^24 of them, then those of the next. After a
 * restore counting goes on where no life before can have been: at the minute of the restore. So a position that was given out in a life
 * that is lost is never taken for one of this.
 */
const LIFE = 2 ** 24;

const lifeOf = (position: number): number => Math.floor(position / LIFE);

/** Where counting goes on after a restore. `restored`: when that was (epoch milliseconds). */
export const afterRestore = (position: number, restored: number): number =>
  Math.max(lifeOf(position) + 1, Math.floor(restored / 60_000)) * LIFE;

/**
 * Whether everything behind `since` can be told to whoever was given it. The beginning is the same in every life.
 * @param position the last one there is
 */
export const isOfThisLife = (since: number, position: number): boolean =>
  since === 0 || (since <= position && lifeOf(since) === lifeOf(position));

/** @throws {Refusal} `cursor_expired` */
export function requireThisLife(since: number, position: number, detail: string): void {
  if (!isOfThisLife(since, position)) throw new Refusal("cursor_expired", detail);
}
