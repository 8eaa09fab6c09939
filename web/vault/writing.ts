import type { Commit, ReplyOf } from "#protocol/api.ts";
import type { Change } from "./change.ts";
import { assemble } from "./commit.ts";
import { type Context, sessionOf, storeOf } from "./context.ts";
import type { OpenStore } from "./open-store.ts";
import { read } from "./reading.ts";
import { isRefusal, ServerRefusal } from "./server.ts";
import { VaultError } from "./vault.ts";

const ATTEMPTS = 5;
/** Grants that one commit can close. */
export const TOGETHER = 16;

/**
 * Commits a change and reads what came of it. Where another device was first, the change is made again on what that device left.
 * @param make must ask for nothing that needs a prompt: acts are given before
 */
export async function write(
  context: Context,
  make: (store: OpenStore) => Change | Promise<Change>,
  attempts = ATTEMPTS,
): Promise<{ reply: ReplyOf<"commit">; rest: readonly string[] }> {
  for (let attempt = 1; ; attempt++) {
    const store = storeOf(context);
    const change = await make(store);
    if (store.behind !== undefined && change.restored === undefined) throw new VaultError("put_back", "an older state");
    const draft = await assemble(store, change, context.now(), store.alarms.length === 0);
    let reply: ReplyOf<"commit">;
    try {
      reply = await send(context, draft.body);
    } catch (error) {
      if (!isRefusal(error, "stale_head", "version_not_newer", "grant_not_active") || attempt === attempts) throw error;
      await read(context);
      continue;
    }
    await context.memory.change(sessionOf(context).account, (old) => ({ ...old, head: draft.head, trust: draft.trust }));
    if (change.rotation !== undefined) {
      const { row, accountKey, identity } = change.rotation;
      context.store = {
        ...store,
        keyring: { ...store.keyring, identity, epoch: row.epoch, keys: new Map([...store.keyring.keys, [row.epoch, accountKey]]) },
      };
    }
    await read(context);
    if (!context.quiet) context.publish({ changed: true });
    return { reply, rest: draft.rest };
  }
}

/** A consent whose reply was lost is sent once more: the server answers the same one again, so that the browser finds its way back. */
async function send({ server }: Context, body: Commit): Promise<ReplyOf<"commit">> {
  try {
    return await server.call("commit", { body });
  } catch (error) {
    if (body.consent === null || !(error instanceof VaultError) || error.code !== "offline" || error instanceof ServerRefusal) throw error;
    return server.call("commit", { body });
  }
}

/** Commits until each of these grants has all that it is due, and says so. `onward`: a commit before has begun it. */
export async function backfill(context: Context, grants: readonly string[], onward = false): Promise<void> {
  let rest = grants;
  for (let going = onward; rest.length > 0; going = true) {
    const some = rest.slice(0, TOGETHER);
    rest = [...(await write(context, () => ({ backfill: some, onward: going }))).rest, ...rest.slice(TOGETHER)];
  }
}

/** One change, and after it what of its shares didn't fit into its commit. */
export async function writeWhole(context: Context, make: (store: OpenStore) => Change | Promise<Change>): Promise<ReplyOf<"commit">> {
  const { reply, rest } = await write(context, make);
  await backfill(context, rest, true);
  return reply;
}

/** @throws {VaultError} `put_back`, `tampered`: nothing is shared and no right is given while something is known to be false */
export function refuseAlarmed({ alarms, behind }: OpenStore): void {
  if (behind !== undefined) throw new VaultError("put_back", "an older state");
  const [first] = alarms;
  if (first !== undefined) throw new VaultError("tampered", first.message);
}
