import { canonical } from "#protocol/canonical.ts";
import { RESTORED_STEP, restoredObject } from "#protocol/head.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { approve } from "./acts.ts";
import { aliasesOf, renamedDetails } from "./aliases.ts";
import { type Context, storeOf } from "./context.ts";
import { piecesOf, writeMany } from "./many.ts";
import { narrow } from "./narrowing.ts";
import type { OpenStore } from "./open-store.ts";
import type { Relationship } from "./relationship.ts";
import { VaultError } from "./vault.ts";
import { write } from "./writing.ts";

/**
 * Goes on from what a server has that was put back to before what this device has seen (section 4): one prompt. What was open here
 * before and is newer is saved again, and what a connection was narrowed to; shares stay held until they are resumed.
 */
export async function goOn(context: Context): Promise<void> {
  const { behind, replica } = storeOf(context);
  if (behind === undefined) throw new VaultError("invalid", "nothing was put back");
  const prev = replica.head.hash;
  const restored = Math.max(behind.seen, replica.head.claims.seq) + RESTORED_STEP;
  const act = await approve(
    context,
    { action: "restore", grant: null, object: await restoredObject({ prev, seq: restored }) },
    replica.ways,
  );
  await write(context, (store) => {
    if (store.replica.head.hash !== prev) throw new VaultError("stale", "another device was first");
    return { acts: [act], restored };
  });
  const { held } = behind;
  if (held === undefined) return;
  const store = storeOf(context);
  const contents = heldIn(held, store);
  await writeMany(context, { pieces: piecesOf(store, contents, context.now()), total: contents.length });
  for (const [grant, { own, consent }] of held.grants) {
    if (own.n <= (store.grants.get(grant)?.own.n ?? own.n)) continue;
    const details = renamedDetails(consent.authorization_details, aliasesOf(held.aliases, grant).byAlias);
    // Wider than what there is, or ended: it waits for its customer.
    await narrow(context, grant, details).catch(() => undefined);
  }
}

/** What was saved after what there is now. Of a shop its card, and the keys by which it knows its customer: its connections are the server's. */
function heldIn(held: OpenStore, { replica, contents, relationships }: OpenStore): Array<[string, Content]> {
  return [...held.contents].flatMap(([path, content]): Array<[string, Content]> => {
    if ((held.replica.records.get(path)?.version ?? 0) <= (replica.records.get(path)?.version ?? 0)) return [];
    const relationship = held.relationships.get(path);
    const is = relationship === undefined ? content : { value: cardOver(relationships.get(path), relationship) };
    const had = contents.get(path);
    return had !== undefined && canonical(had) === canonical(is) ? [] : [[path, is]];
  });
}

function cardOver(base: Relationship | undefined, held: Relationship): Relationship {
  if (base === undefined) return { ...held, grants: {} };
  return held.card === undefined ? base : { ...base, card: held.card };
}
