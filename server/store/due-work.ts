import { isEnded } from "#protocol/grant.ts";
import { instant } from "../digest.ts";
import type { Rows } from "../rows.ts";
import type { Storage, StoreReader } from "../storage/storage.ts";
import { type Appointment, appointmentsAt, setDue, strike } from "./calendar.ts";
import { bringBack } from "./changes.ts";
import { expireGrant } from "./ends.ts";
import { eraseDue } from "./erasure.ts";
import { goneAt } from "./gone.ts";
import { type Grant, stateNow } from "./shares.ts";
import { type Changing, type Teller, tell } from "./tell.ts";

/** Appointments that are kept in one change. */
const AT_ONCE = 50;

type Due = Pick<Storage<Rows>, "erase" | "change" | "read">;

/**
 * Does what is due for a store at `now`: erases it, goes on with its move, or keeps its appointments. Answers whether it was erased. `goOn`:
 * answers whether it stays here and is on its way no more.
 */
export async function doDue(
  storage: Due,
  teller: Teller,
  account: string,
  now: number,
  goOn?: (account: string, now: number) => Promise<boolean>,
): Promise<boolean> {
  if ((await storage.read(account, goneAt)) <= now) return eraseDue(storage, account, now);
  if ((await storage.read(account, isOnTheWay)) && !(await goOn?.(account, now))) return false;
  for (let more = true; more; )
    more = await storage.change(account, async (store) => {
      const appointments = await appointmentsAt(store, now, AT_ONCE);
      for (const appointment of appointments) await keep({ store, teller }, appointment, now);
      await setDue(store);
      return appointments.length === AT_ONCE;
    });
  return false;
}

const isOnTheWay = async (store: StoreReader<Rows>): Promise<boolean> =>
  (await store.get("store", "store"))?.move !== undefined || (await store.get("filling", "filling")) !== undefined;

async function keep(changing: Changing, appointment: Appointment, now: number): Promise<void> {
  const { store } = changing;
  const { grant, kind, at } = appointment;
  strike(store, appointment);
  const [row, standing] = [await store.get("grants", grant), await store.get("standings", grant)];
  if (row === undefined || standing === undefined) return;
  const known: Grant = { row, standing };
  if (kind === "remind") await remind(changing, grant, known, now);
  else if (kind === "return") await bringBack(store, grant, row, { at, now, active: stateNow(known, now) === "active" });
  // Another consent may have moved it since.
  else if (row.expires === at && standing.ended === null && isEnded(stateNow(known, now))) await expireGrant(changing, grant, known, now);
}

async function remind(changing: Changing, grant: string, { row, standing }: Grant, now: number): Promise<void> {
  const { deletion } = standing;
  if (deletion?.by == null) return;
  await tell(changing, grant, row, now, "erasure-due", { initiating_entity: "system", delete_by: instant(deletion.by) });
}
