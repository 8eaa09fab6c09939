import { Refusal } from "#protocol/refusal.ts";
import type { Storage } from "../storage/storage.ts";

const MINUTE = 60_000;

/** Counts one more of `kind` for `who`. @throws {Refusal} `rate_limited` when there were more than `most` in this window (milliseconds) */
export async function limitRate(
  storage: Pick<Storage, "count">,
  kind: string,
  who: string,
  most: number,
  now: number,
  window = MINUTE,
): Promise<void> {
  const { count, resetsAt } = await storage.count(`${kind}:${who}`, window);
  if (count <= most) return;
  const retryAfter = Math.max(1, Math.ceil((resetsAt - now) / 1000));
  throw new Refusal("rate_limited", `This was tried too often. Wait ${retryAfter} seconds.`, { extra: { retryAfter } });
}
