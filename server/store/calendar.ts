import { fromOrdered, ordered, type Rows } from "../rows.ts";
import type { StoreReader, StoreWriter } from "../storage/storage.ts";
import { goneAt } from "./gone.ts";

/** What the server does for a grant by itself: ends it, or reminds its vendor. */
export interface Appointment {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly kind: "expire" | "remind";
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

/** Work waits for the store from its first appointment on, or from the time at which it will be erased. */
export async function setDue(store: StoreWriter<Rows>): Promise<void> {
  const [first] = await store.list("calendar", { limit: 1 });
  const at = Math.min(await goneAt(store), first === undefined ? Number.POSITIVE_INFINITY : read(first[0]).at);
  store.due(Number.isFinite(at) ? at : null);
}

function read(key: string): Appointment {
  const [at = "", kind, grant = ""] = key.split("/");
  return { at: fromOrdered(at), kind: kind === "expire" ? "expire" : "remind", grant };
}
