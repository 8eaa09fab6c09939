import type { ReplyOf } from "#protocol/api.ts";
import { isEnded } from "#protocol/grant.ts";
import { MOVE_TYP, type MovePlan, type MoveStatement, moveObject } from "#protocol/move.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { approve } from "./acts.ts";
import { type Context, storeOf } from "./context.ts";
import { stateOfGrant } from "./grants.ts";
import { read } from "./reading.ts";
import { isRefusal } from "./server.ts";
import { refuseAlarmed, write } from "./writing.ts";

/** Offers the store to another server, by one prompt: with a word to each vendor that has, or still owes, something. */
export async function move(context: Context, to: string): Promise<ReplyOf<"move">> {
  refuseAlarmed(storeOf(context));
  // Whatever has ended goes under the head: no other server can verify acts that were made at this address.
  await write(context, () => ({}));
  const { replica, grants } = storeOf(context);
  const now = context.now();
  const from = context.place.origin;
  const plan: MovePlan = { to, head: replica.head.hash, living: [], statements: {} };
  for (const known of grants.values()) {
    const { grant, consent, relationship, row } = known;
    const lives = !isEnded(stateOfGrant(known, now));
    if (lives) plan.living.push(grant);
    else if (row?.deletion?.by == null) continue;
    const statement: MoveStatement = {
      iss: consent.iss,
      aud: consent.aud,
      jti: newId(),
      iat: Math.floor(now / 1000),
      grant_id: grant,
      from,
      to,
    };
    plan.statements[grant] = await sign(statement, MOVE_TYP, relationship.keys.sign, true);
  }
  const act = await approve(context, { action: "move", grant: null, object: await moveObject(plan) }, replica.ways);
  const offered = await context.server.call("move", { body: { act, plan } });
  await read(context);
  return offered;
}

/** Calls it off. */
export async function stay(context: Context): Promise<void> {
  await context.server.call("stay", { body: {} });
  await read(context);
}

/** Has this server fetch a store from the one that offers it. Its kit opens it then. */
export const arrive = ({ server }: Context, from: string, code: string): Promise<{ left: readonly string[] }> =>
  server.call("arrive", { body: { from, code } });

/** A store that has just come, and was opened: the old server is told. */
export async function settle(context: Context): Promise<void> {
  if (storeOf(context).replica.arriving === null) return;
  try {
    await context.server.call("settle", { body: {} });
  } catch (error) {
    if (isRefusal(error, "invalid_move")) {
      context.store = undefined;
      context.session = undefined;
      context.publish({ state: "signed-out" });
    }
    throw error;
  }
  await read(context);
}
