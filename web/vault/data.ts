import { kindAt } from "#protocol/categories.ts";
import { type Context, storeOf } from "./context.ts";
import { piecesOf, writeMany } from "./many.ts";
import { emptied, place } from "./placing.ts";
import { RELATIONSHIPS } from "./relationship.ts";
import { type Changes, type Edit, VaultError, type Working } from "./vault.ts";
import { writeWhole } from "./writing.ts";

/** Saves one value, and shares it with whom it is shared. */
export async function save(context: Context, edit: Edit): Promise<void> {
  const { contents } = place([edit], { before: storeOf(context).contents });
  await writeWhole(context, () => ({ contents }));
}

export async function remove(context: Context, path: string): Promise<void> {
  checkThere(context, path);
  const contents = new Map([[path, emptied(path)]]);
  await writeWhole(context, () => ({ contents }));
}

export async function saveAll(context: Context, { edits = [], removals = [] }: Changes, working?: Working): Promise<void> {
  const store = storeOf(context);
  const { contents } = place(edits, { before: store.contents });
  for (const path of removals) {
    checkThere(context, path);
    contents.set(path, emptied(path));
  }
  await writeMany(context, { pieces: piecesOf(store, contents, context.now()), total: contents.size }, working);
}

function checkThere(context: Context, path: string): void {
  const content = storeOf(context).contents.get(path);
  if (content === undefined || kindAt(path)?.path === RELATIONSHIPS) throw new VaultError("invalid", "nothing here");
}
