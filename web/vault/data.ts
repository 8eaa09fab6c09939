import { kindAt } from "#protocol/categories.ts";
import { type Context, storeOf } from "./context.ts";
import { RELATIONSHIPS } from "./relationship.ts";
import { place } from "./sharing.ts";
import { type Edit, VaultError } from "./vault.ts";
import { write } from "./writing.ts";

/** Saves one value, and shares it with whom it is shared. */
export async function save(context: Context, edit: Edit): Promise<void> {
  const { contents } = place([edit]);
  await write(context, () => ({ contents }));
}

/** A single kind is emptied; a member of a collection is removed. Both are versions, and reach whoever has the value. */
export async function remove(context: Context, path: string): Promise<void> {
  if (!storeOf(context).contents.has(path) || kindAt(path)?.path === RELATIONSHIPS) throw new VaultError("invalid", "nothing here");
  const contents = new Map([[path, kindAt(path)?.many ? { removed: true as const } : { value: null }]]);
  await write(context, () => ({ contents }));
}
