import * as v from "valibot";
import { isRecordPath, kindAt } from "#protocol/categories.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { IMPORTS, RELATIONSHIPS } from "./relationship.ts";
import { type Edit, VaultError } from "./vault.ts";

/** Edits as contents, and the paths that new members got by the names that the screen gave them. */
export interface Placed {
  readonly contents: Map<string, Content>;
  readonly named: ReadonlyMap<string, string>;
}

/** Kinds whose records the vault alone writes. */
export const OWN: ReadonlySet<string> = new Set([RELATIONSHIPS, IMPORTS]);

/**
 * @param before what is there: an edit by hand keeps the import that brought a record, whose version then says that it was changed
 * @param source the import that brings all of it
 * @throws {VaultError} `invalid` if a value is not of its kind
 */
export function place(
  edits: readonly Edit[],
  { before, source, idOf = newId }: { before?: ReadonlyMap<string, Content>; source?: string; idOf?: (edit: Edit) => string },
): Placed {
  const contents = new Map<string, Content>();
  const named = new Map<string, string>();
  for (const [at, edit] of edits.entries()) {
    const kind = kindAt(edit.path);
    if (kind === undefined || OWN.has(kind.path) || !v.is(kind.schema, edit.value))
      throw new VaultError("invalid", `edit ${at + 1} is not of its kind`);
    const path = isRecordPath(edit.path) ? edit.path : `${edit.path}/${idOf(edit)}`;
    if (!isRecordPath(path)) throw new VaultError("invalid", `edit ${at + 1} names no kind`);
    const from = source ?? sourceOf(before?.get(path));
    contents.set(path, { value: edit.value, ...(from === undefined ? {} : { source: from }) });
    if (edit.key !== undefined) named.set(`${edit.path}/${edit.key}`, path);
  }
  return { contents, named };
}

export const sourceOf = (content: Content | undefined): string | undefined =>
  content === undefined || "removed" in content ? undefined : content.source;

/** What removing a record makes of it: a single kind is emptied. Both are versions, and reach whoever has the value. */
export const emptied = (path: string): Content => (kindAt(path)?.many ? { removed: true } : { value: null });
