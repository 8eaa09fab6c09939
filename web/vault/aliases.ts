import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { digestAt, KINDS, kindAt } from "#protocol/categories.ts";
import { splitPath } from "#protocol/paths.ts";
import { aliasOf } from "#protocol/sealing/alias.ts";

/** The names of records toward one grant (protocol/sealing/alias.ts), both ways. */
export interface Aliases {
  readonly byPath: ReadonlyMap<string, string>;
  readonly byAlias: ReadonlyMap<string, string>;
}

/** By grant; kept while the store is open. */
export type KnownAliases = Map<string, { readonly byPath: Map<string, string>; readonly byAlias: Map<string, string> }>;

const NONE: Aliases = { byPath: new Map(), byAlias: new Map() };
export const aliasesOf = (known: KnownAliases, grant: string): Aliases => known.get(grant) ?? NONE;

/** Learns the aliases of those records whose kind the grant covers. */
export async function learnAliases(
  known: KnownAliases,
  grant: { readonly id: string; readonly key: Uint8Array; readonly details: AuthorizationDetails },
  paths: Iterable<string>,
): Promise<void> {
  const aliases = known.get(grant.id) ?? { byPath: new Map(), byAlias: new Map() };
  known.set(grant.id, aliases);
  const kinds = collectionsOf(grant.details);
  if (kinds.size === 0) return;
  await Promise.all(
    [...paths].map(async (path) => {
      if (aliases.byPath.has(path) || !kinds.has(kindAt(path)?.path ?? "")) return;
      const alias = await aliasOf(grant.key, path);
      aliases.byPath.set(path, alias);
      aliases.byAlias.set(alias, path);
    }),
  );
}

/** Paths of the collections of which these details cover something. */
function collectionsOf(details: AuthorizationDetails): ReadonlySet<string> {
  const bases = details.flatMap(({ paths }) => paths.filter((path) => digestAt(path) === undefined).map((path) => splitPath(path).base));
  const within = (path: string, wide: string): boolean => path === wide || path.startsWith(`${wide}/`);
  const many = KINDS.filter((kind) => kind.many && kind.shareable);
  return new Set(many.filter(({ path }) => bases.some((base) => within(path, base) || within(base, path))).map(({ path }) => path));
}

/** A path with or without a form under the other name of its record; unchanged where it has none. */
export function renamed(path: string, names: ReadonlyMap<string, string>): string {
  const { base, form } = splitPath(path);
  const to = names.get(base) ?? base;
  return form === undefined ? to : `${to}:${form}`;
}

export const renamedDetails = (details: AuthorizationDetails, names: ReadonlyMap<string, string>): AuthorizationDetails =>
  details.map((detail) => ({ ...detail, paths: detail.paths.map((path) => renamed(path, names)) }));
