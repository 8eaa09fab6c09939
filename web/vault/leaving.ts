import { hashOf, hashOfJson } from "#protocol/canonical.ts";
import { approve } from "./acts.ts";
import { type Context, sessionOf } from "./context.ts";
import { read } from "./reading.ts";
import { outline } from "./unlock.ts";

/** Ends every connection and the store itself, by one prompt. Afterwards this device knows nothing of a store that is gone. */
export async function erase(
  context: Context,
  { when, askDeletion }: { when: "now" | "later"; askDeletion: boolean },
): Promise<{ at: string }> {
  const { account, ways } = sessionOf(context);
  const act = await approve(context, { action: "erase", grant: null, object: await hashOf(when) }, context.store?.replica.ways ?? ways);
  const { at } = await context.server.call("erase", { body: { act, when, askDeletion } });
  if (when === "now") {
    await context.memory.forget(account);
    context.store = undefined;
    context.session = undefined;
    context.publish({ state: "signed-out" });
    return { at };
  }
  const hash = await hashOfJson(act);
  const running = [...(context.store?.grants.values() ?? [])]
    .filter(({ endState }) => endState === undefined)
    .map(({ grant }) => [grant, hash]);
  await context.memory.change(account, (old) => ({ ...old, ends: { ...old.ends, ...Object.fromEntries(running) } }));
  await look(context);
  return { at };
}

/** Takes back an erasure that hasn't happened. What was stopped stays stopped. */
export async function keep(context: Context): Promise<void> {
  await context.server.call("keep", { body: {} });
  await look(context);
}

async function look(context: Context): Promise<void> {
  await (context.store === undefined ? outline(context) : read(context));
  context.publish({ changed: true });
}
