import { Refusal } from "#protocol/refusal.ts";
import type { Rows, StoreRow } from "../rows.ts";
import type { StoreWriter } from "../storage/storage.ts";
import { setDue } from "../store/calendar.ts";
import { FetchError } from "../vendors/checked-address.ts";
import type { ArrivalParts } from "./arriving.ts";
import { dropCopy, forgetStatements, unfreeze } from "./leaving.ts";

/** How long between two questions to an old server that does not answer. */
const AGAIN = 300_000;
/** How long a copy is kept whose old server says that it knows nothing of the move, where it may have forgotten that it agreed. */
const DOUBT = 30 * 86_400_000;

/**
 * Tells the old server that the store is here, and goes live when it says so: that server's change is the moment from which the store is
 * here. Answers `here` also where that was so before; `off` where the old server has it and keeps it, then this copy is erased (later, where it was asked before).
 * @throws {Refusal} `unavailable` while nobody knows
 */
export async function settle(parts: ArrivalParts, account: string): Promise<"here" | "off"> {
  const { storage, now, words } = parts;
  const move = await storage.change(account, async (store) => {
    const row = await store.get("store", "store");
    if (row?.move?.state !== "arriving") return undefined;
    // Before it is asked: from now on the old server may have erased its own, whatever becomes of its answer.
    const next: StoreRow = { ...row, move: { ...row.move, asked: true, next: now() + AGAIN } };
    store.put("store", "store", next);
    await setDue(store);
    return row.move;
  });
  if (move === undefined) return "here";
  const answer = await words.ask(move.from, "arrived", move.code).catch((error: unknown) => {
    if (error instanceof FetchError) return undefined;
    throw error;
  });
  const code = (answer?.body as { code?: unknown } | null | undefined)?.code;
  if (answer?.status === 404 && code === "not_found") {
    if (!move.asked || now() > move.until + DOUBT) await dropCopy(storage, account, ({ code }) => code === move.code);
    return "off";
  }
  if (answer?.status !== 200)
    throw new Refusal(
      "unavailable",
      "The old server does not answer. Your store is whole here, and goes on as soon as it does. Try again.",
      {
        extra: { retryAfter: 10 },
      },
    );
  await storage.change(account, (store) => goLive(store, move.code, now()));
  return "here";
}

async function goLive(store: StoreWriter<Rows>, code: string, now: number): Promise<void> {
  const row = await store.get("store", "store");
  if (row?.move?.state !== "arriving" || row.move.code !== code) return;
  const { move: _, ...here } = row;
  store.put("store", "store", here);
  // Of when it left before.
  await forgetStatements(store);
  // Nobody has read here yet: whoever reads in bulk gets each grant whole.
  await unfreeze(store, now, 0);
  await setDue(store);
}
