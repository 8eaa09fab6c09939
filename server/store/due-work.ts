import { isEnded } from "#protocol/grant.ts";
import { instant } from "../digest.ts";
import type { Rows } from "../rows.ts";
import type { Storage } from "../storage/storage.ts";
import { type Appointment, appointmentsAt, setDue, strike } from "./calendar.ts";
import { expireGrant } from "./ends.ts";
import { eraseDue } from "./erasure.ts";
import { goneAt } from "./gone.ts";
import { type Grant, stateNow } from "./shares.ts";
import { type Changing, type Teller, tell } from "./tell.ts";

/** Appointments that are kept in one change. */
const AT_ONCE = 50;

type Due = Pick<Storage<Rows>, "erase" | "change" | "read">;

/** Does what is due for a store at `now`: erases it, or keeps its appointments. Answers whether it was erased. */
export async function doDue(storage: Due, teller: Teller, account: string, now: number): Promise<boolean> {
  if ((await storage.read(account, goneAt)) <= now) return eraseDue(storage, account, now);
  for (let more = true; more; )
    more = await storage.change(account, async (store) => {
      const appointments = await appointmentsAt(store, now, AT_ONCE);
      for (const appointment of appointments) await keep({ store, teller }, appointment, now);
      await setDue(store);
      return appointments.length === AT_ONCE;
    });
  return false;
}

async function keep(changing: Changing, appointment: Appointment, now: number): Promise<void> {
  const { store } = changing;
  const { grant, kind, at } = appointment;
  strike(store, appointment);
  const [row, standing] = [await store.get("grants", grant), await store.get("standings", grant)];
  if (row === undefined || standing === undefined) return;
  const known: Grant = { row, standing };
  if (kind === "remind") await remind(changing, grant, known, now);
  // Another consent may have moved it since.
  else if (row.expires === at && standing.ended === null && isEnded(stateNow(known, now))) await expireGrant(changing, grant, known);
}

async function remind(changing: Changing, grant: string, { row, standing }: Grant, now: number): Promise<void> {
  const { deletion } = standing;
  if (deletion?.by == null) return;
  await tell(changing, grant, row, now, "erasure-due", { initiating_entity: "system", delete_by: instant(deletion.by) });
}
