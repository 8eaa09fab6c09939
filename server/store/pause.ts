import { isEnded } from "#protocol/grant.ts";
import { Refusal } from "#protocol/refusal.ts";
import { noteChange } from "./changes.ts";
import { note } from "./history.ts";
import { grantOf, stateNow } from "./shares.ts";
import { type Changing, tell } from "./tell.ts";

/** Answers the position of the pause in force. @throws {Refusal} `not_found`, `grant_ended` */
export async function pauseGrant(changing: Changing, grant: string, now: number, by: "user" | "system" = "user"): Promise<number> {
  const { store } = changing;
  const known = await grantOf(store, grant);
  if (isEnded(stateNow(known, now))) throw new Refusal("grant_ended", "This grant has ended already.");
  if (known.standing.paused !== null) return known.standing.paused.position;
  const position = await note(store, { at: now, type: "pause", grant });
  store.put("standings", grant, { ...known.standing, paused: { position, at: now } });
  await noteChange(store, grant, known.row, { at: now });
  await tell(changing, grant, known.row, now, "grant-paused", { initiating_entity: by });
  return position;
}
