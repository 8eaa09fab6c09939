import { isEnded } from "#protocol/grant.ts";
import type { MovePlan } from "#protocol/move.ts";
import { Refusal } from "#protocol/refusal.ts";
import { digest } from "../digest.ts";
import type { MovedRow, MoveRow, Rows, StoreRow } from "../rows.ts";
import { type Storage, StorageError, type StoreReader, type StoreWriter } from "../storage/storage.ts";
import { setDue } from "../store/calendar.ts";
import { noteChange, noteMove } from "../store/changes.ts";
import { note } from "../store/history.ts";
import { grantOf, stateNow } from "../store/shares.ts";
import { type Changing, tell } from "../store/tell.ts";

type Leaving = Extract<MoveRow, { state: "leaving" }>;
type Arriving = Extract<MoveRow, { state: "arriving" }>;

/** By which the other server finds the store that it was offered. `code`: hash of the one-time code. */
export const nameOfCode = (code: string): string => digest(`counterfoil/move/${code}`);

/** Rows of this many are changed at once. */
const AT_ONCE = 2000;
const MOST_GRANTS = 100_000;

/** Freezes a store that was offered to another server. The caller has proven act and statements. */
export async function beginLeaving(store: StoreWriter<Rows>, row: StoreRow, move: Leaving, plan: MovePlan): Promise<void> {
  for (const [grant, statement] of Object.entries(plan.statements)) {
    const { row: known } = await grantOf(store, grant);
    store.put("statements", grant, { clientId: known.vendor.clientId, statement });
  }
  for (const [grant, standing] of await store.list("standings", { limit: MOST_GRANTS }))
    store.put("standings", grant, { ...standing, moving: true });
  store.put("store", "store", { ...row, move });
  store.point("locator", nameOfCode(move.code));
  await note(store, { at: move.at, type: "move", by: move.to });
  await setDue(store);
}

export async function forgetStatements(store: StoreWriter<Rows>): Promise<void> {
  for (const [grant] of await store.list("statements", { limit: MOST_GRANTS })) store.delete("statements", grant);
}

/** The move is off, and everything as it was. */
export async function callOff(store: StoreWriter<Rows>, row: StoreRow, now: number): Promise<void> {
  const { move, ...rest } = row;
  if (move?.state !== "leaving") return;
  await forgetStatements(store);
  await unfreeze(store, now);
  store.put("store", "store", rest);
  store.unpoint("locator", nameOfCode(move.code));
  await note(store, { at: now, type: "stay", by: move.to });
  await setDue(store);
}

/** What was frozen goes on, and whoever reads in bulk comes by again. `from`: see `noteChange`. */
export async function unfreeze(store: StoreWriter<Rows>, now: number, from?: number): Promise<void> {
  for (const [grant, { moving, ...standing }] of await store.list("standings", { limit: MOST_GRANTS })) {
    if (moving === undefined) continue;
    store.put("standings", grant, standing);
    const { row } = await grantOf(store, grant);
    if (!isEnded(stateNow({ row, standing }, now)))
      await noteChange(store, grant, row, { at: now, ...(from === undefined ? {} : { from }) });
  }
}

/**
 * The other server has it, and its customer has opened it there: from this change on it is there and nowhere else. Its vendors are told;
 * what is left says where it is. Once more is no fault. @throws {Refusal} `not_found` where it isn't offered to that server any more
 */
export async function leave(changing: Changing, { to, code, now }: { to: string; code: string; now: number }): Promise<number> {
  const { store } = changing;
  const row = await store.get("store", "store");
  const move = row?.move;
  if (move?.state === "moved" && move.code === code && move.to === to) return move.at;
  if (row === undefined || !isOffered(row, to, code, now)) throw noOffer();
  for (const [grant, { statement }] of await store.list("statements", { limit: MOST_GRANTS })) {
    const known = await grantOf(store, grant);
    await noteMove(store, grant, known.row, { at: now, moved: { to, statement } });
    await tell(changing, grant, known.row, now, "grant-moved", { initiating_entity: "user", to, statement });
  }
  for (const [session] of await store.list("sessions", { limit: 1000 })) store.delete("sessions", session);
  store.put("store", "store", stubOf(row, { state: "moved", to, code, at: now, swept: false }));
  await setDue(store);
  return now;
}

const stubOf = ({ restores }: StoreRow, move: MovedRow): StoreRow => ({
  created: move.at,
  identity: "",
  seq: 0,
  head: "",
  headHash: "",
  epoch: 0,
  waysHash: "",
  records: 0,
  grants: 0,
  ...(restores === undefined ? {} : { restores }),
  move,
});

/** Whether the store waits for that server with that code now. */
export const isOffered = ({ move }: StoreRow, to: string, code: string, now: number): boolean =>
  move?.state === "leaving" && move.to === to && move.code === code && move.until > now;

export const noOffer = (): Refusal =>
  new Refusal("not_found", "No store waits for this server by this code: the move was called off, took too long, or the code is wrong.");

/**
 * A copy with which nobody goes on goes. Where its customer had been here before, what said where they went is there again.
 * @throws {Refusal} `taken` where it is no such copy
 */
export async function dropCopy(
  storage: Pick<Storage<Rows>, "change" | "erase">,
  account: string,
  isSuch: (move: Arriving) => boolean,
): Promise<void> {
  const copyIn = async (store: StoreReader<Rows>): Promise<{ row: StoreRow; stub: MovedRow | undefined }> => {
    const row = await store.get("store", "store");
    if (row?.move?.state !== "arriving" || !isSuch(row.move)) throw new Refusal("taken", "This store is here already.");
    return { row, stub: row.move.stub };
  };
  try {
    const wasHere = await storage.change(account, async (store) => {
      const { row, stub } = await copyIn(store);
      if (stub === undefined) return false;
      store.put("store", "store", stubOf(row, { ...stub, swept: false }));
      await setDue(store);
      return true;
    });
    if (wasHere) await sweepMoved(storage, account);
    else await storage.erase(account, copyIn);
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "absent")) throw error;
  }
}

/** Everything but what says where it is, a part at a time, so that a large store holds nobody up. Goes on where a stop cut it off. */
export async function sweepMoved(storage: Pick<Storage<Rows>, "change">, account: string): Promise<void> {
  for (let more = true; more; ) more = await storage.change(account, sweepPart);
}

async function sweepPart(store: StoreWriter<Rows>): Promise<boolean> {
  const row = await store.get("store", "store");
  if (row?.move?.state !== "moved" || row.move.swept) return false;
  const statements = new Set((await store.list("statements", { limit: MOST_GRANTS })).map(([grant]) => grant));
  let room = AT_ONCE;
  for (const table of Object.keys(SWEPT) as Array<keyof Rows>) {
    if (!SWEPT[table]) continue;
    for (const key of await keysOf(store, table, room)) {
      // Nothing is to be found by the name of a grant of which nobody asks any more.
      if (table === "standings" && !statements.has(key)) store.unpoint("grant", key);
      store.delete(table, key);
      room--;
    }
    if (room === 0) return true;
  }
  store.put("store", "store", { ...row, move: { ...row.move, swept: true } });
  await setDue(store);
  return false;
}

const keysOf = async (store: StoreReader<Rows>, table: keyof Rows, limit: number): Promise<string[]> =>
  (await store.list(table, { limit })).map(([key]) => key);

/** Which tables go. One that is missing does not compile. */
const SWEPT: Readonly<Record<keyof Rows, boolean>> = {
  store: false,
  statements: false,
  filling: false,
  counter: true,
  ways: true,
  seals: true,
  halves: true,
  passkeys: true,
  epochs: true,
  successions: true,
  leaves: true,
  buckets: true,
  heads: true,
  records: true,
  shares: true,
  gone: true,
  feed: true,
  grants: true,
  standings: true,
  consents: true,
  calendar: true,
  attestations: true,
  refusals: true,
  counted: true,
  sessions: true,
  nonces: true,
  history: true,
};
