import { type ArrivalParts, emptyStub } from "./arriving.ts";
import { callOff, dropCopy, sweepMoved } from "./leaving.ts";
import { settle } from "./settle.ts";

/**
 * What a move has to do by itself when its time has come: a store that nobody fetched stays, one that has gone is swept, and an old server
 * that did not answer is asked again. Answers whether the store is here and on its way no more.
 */
export async function goOn(parts: ArrivalParts, account: string, now: number): Promise<boolean> {
  const { storage } = parts;
  const { move, filling } = await storage.read(account, async (store) => ({
    move: (await store.get("store", "store"))?.move,
    filling: await store.get("filling", "filling"),
  }));
  if (filling !== undefined && filling.until <= now) await emptyStub(storage, account);
  if (move?.state === "leaving" && move.until <= now)
    return storage.change(account, async (store) => {
      const row = await store.get("store", "store");
      if (row?.move?.state !== "leaving" || row.move.until > now) return false;
      await callOff(store, row, now);
      return true;
    });
  if (move?.state === "arriving" && !move.asked && move.stub !== undefined && move.until <= now)
    await dropCopy(storage, account, ({ asked }) => !asked);
  if (move?.state === "moved" && !move.swept) await sweepMoved(storage, account);
  if (move?.state === "arriving" && move.asked && move.next <= now) return (await settle(parts, account)) === "here";
  return false;
}
