import * as v from "valibot";
import { isRecordPath } from "#protocol/categories.ts";
import { Import } from "#protocol/data/private.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { type Context, storeOf } from "./context.ts";
import { type Piece, piecesOf, writeMany } from "./many.ts";
import type { OpenStore } from "./open-store.ts";
import { emptied, place, sourceOf } from "./placing.ts";
import { read } from "./reading.ts";
import { IMPORTS } from "./relationship.ts";
import { afterVersion } from "./share-version.ts";
import { type Batch, VaultError, type Working } from "./vault.ts";

const noteAt = (id: string): string => `${IMPORTS}/${id}`;

/** Saves what a file brings, all of it or nothing. Where even taking it back fails, its record stays `running`, so that `takeBack` can. */
export async function bring(context: Context, { file, format, edits }: Batch, working?: Working): Promise<string> {
  const id = newId();
  const { contents } = place(edits, { source: id });
  // Values in others' place come first, so that one commit holds them with the note of what was there.
  const replacing = new Set(edits.flatMap(({ path }) => (isRecordPath(path) ? [path] : [])));
  const ordered = [...contents].sort(([a], [b]) => Number(replacing.has(b)) - Number(replacing.has(a)));
  const pieces = piecesOf(storeOf(context), ordered, context.now());
  if (pieces.length === 0) throw new VaultError("invalid", "nothing to bring");
  const at = new Date(context.now()).toISOString();
  let replaced: Import["replaced"] = [];
  const noted = (store: OpenStore, piece: Piece, index: number): Piece => {
    const last = index === pieces.length - 1;
    if (index > 0 && !last) return piece;
    if (index === 0) replaced = [...replacing].map((path) => replacedAt(store, path));
    const note: Import = { at, file, format, count: contents.size, state: last ? "done" : "running", replaced };
    if (!v.is(Import, note)) throw new VaultError("invalid", "the import's name or what it replaces is too long");
    return new Map([[noteAt(id), { value: note }], ...piece]);
  };
  try {
    await writeMany(context, { pieces, total: contents.size, contents: noted }, working);
  } catch (error) {
    await read(context)
      .then(() => (importAt(storeOf(context), id) === undefined ? undefined : undo(context, id)))
      .catch(() => undefined);
    throw error;
  }
  return id;
}

export async function takeBack(context: Context, id: string, working?: Working): Promise<{ removed: number; changed: number }> {
  if (importAt(storeOf(context), id) === undefined) throw new VaultError("invalid", "no such import");
  return undo(context, id, working);
}

/** A record that nobody has changed since has the version that the import gave it. */
async function undo(context: Context, id: string, working?: Working): Promise<{ removed: number; changed: number }> {
  const store = storeOf(context);
  const replaced = new Map((importAt(store, id)?.replaced ?? []).map((each) => [each.path, each]));
  const isAsBrought = ({ contents, replica }: OpenStore, path: string): boolean =>
    sourceOf(contents.get(path)) === id && replica.records.get(path)?.version === (replaced.get(path)?.version ?? 1);
  const brought = [...store.contents].flatMap(([path, content]) => (sourceOf(content) === id ? [path] : []));
  const paths = brought.filter((path) => isAsBrought(store, path));
  const contents = paths.map((path): [string, Content] => {
    const value = replaced.get(path)?.value ?? null;
    return [path, value === null ? emptied(path) : { value }];
  });
  const pieces: Piece[] = piecesOf(store, contents, context.now());
  if (pieces.length === 0) pieces.push(new Map());
  const kept = (now: OpenStore, piece: Piece, at: number): Piece =>
    new Map([
      ...[...piece].filter(([path]) => isAsBrought(now, path)),
      ...(at === pieces.length - 1 ? [[noteAt(id), { removed: true }] as const] : []),
    ]);
  await writeMany(context, { pieces, total: paths.length, contents: kept }, working);
  const overwritten = [...replaced.keys()].filter((path) => sourceOf(store.contents.get(path)) !== id).length;
  return { removed: paths.length, changed: brought.length - paths.length + overwritten };
}

function importAt({ contents }: OpenStore, id: string): Import | undefined {
  const content = contents.get(noteAt(id));
  const parsed = v.safeParse(Import, content !== undefined && "value" in content ? content.value : undefined);
  return parsed.success ? parsed.output : undefined;
}

function replacedAt({ contents, replica }: OpenStore, path: string): Import["replaced"][number] {
  const before = contents.get(path);
  const version = afterVersion(replica.records.get(path)?.version ?? 0, replica.era);
  return { path, value: before === undefined || "removed" in before ? null : before.value, version };
}
