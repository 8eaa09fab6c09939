import { fromOrdered, type MoveRow, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { goneAt } from "./gone.ts";

const KINDS = ["expire", "remind", "return"] as const;

/** What the server does for a grant by itself: ends it, reminds its vendor, or brings what was held back to its vendor's feed. */
export interface Appointment {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly kind: (typeof KINDS)[number];
  readonly grant: string;
}

const keyOf = ({ at, kind, grant }: Appointment): string => `${ordered(at)}/${kind}/${grant}`;

/** Whoever enters or strikes something calls `setDue` when the change is complete. */
export const enter = (store: StoreWriter<Rows>, appointment: Appointment): void => store.put("calendar", keyOf(appointment), {});

/** One that isn't there is no fault: stores from before have none. */
export const strike = (store: StoreWriter<Rows>, appointment: Appointment): void => store.delete("calendar", keyOf(appointment));

/** The first appointments whose time has come. */
export async function appointmentsAt(store: StoreReader<Rows>, now: number, limit: number): Promise<Appointment[]> {
  const rows = await store.list("calendar", { limit });
  return rows.map(([key]) => read(key)).filter(({ at }) => at <= now);
}

/** Work waits for the store from its first appointment on, or from the time at which it will be erased. One on its way keeps no appointment. */
export async function setDue(store: StoreWriter<Rows>): Promise<void> {
  const move = (await store.get("store", "store"))?.move;
  const filling = (await store.get("filling", "filling"))?.until ?? Number.POSITIVE_INFINITY;
  const [first] = move === undefined ? await store.list("calendar", { limit: 1 }) : [];
  const own = move === undefined ? (first === undefined ? Number.POSITIVE_INFINITY : read(first[0]).at) : nextStep(move);
  const at = Math.min(await goneAt(store), filling, own);
  store.due(Number.isFinite(at) ? at : null);
}

/** When a move goes on by itself. Epoch milliseconds. */
function nextStep(move: MoveRow): number {
  if (move.state === "leaving") return move.until;
  if (move.state === "arriving") return move.asked ? move.next : move.until;
  return move.swept ? Number.POSITIVE_INFINITY : move.at;
}

function read(key: string): Appointment {
  const [at = "", name, grant = ""] = key.split("/");
  const kind = KINDS.find((each) => each === name);
  if (kind === undefined) throw new Error("an appointment of no known kind");
  return { at: fromOrdered(at), kind, grant };
}
