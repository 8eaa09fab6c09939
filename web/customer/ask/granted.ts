import type { AuthorizationDetail, AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import type { Edit } from "../../vault/vault.ts";
import type { Row } from "./items.ts";
import { endOf, type Until } from "./until.ts";

/** A ticked row, with the form chosen for it. */
export interface Pick {
  row: Row;
  form: string | undefined;
}

export const pathOf = ({ row, form }: Pick): string => (form === undefined ? row.base : `${row.base}:${form}`);

const instant = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");

/** Reading where it is asked for, and what else was ticked. */
export const actionsOf = (detail: AuthorizationDetail | undefined, ticked: readonly string[] | undefined): AuthorizationDetail["actions"] =>
  (detail?.actions ?? []).filter((action) => action === "read" || ticked?.includes(action));

/**
 * What is granted: a narrower copy of what was asked, with the ticked paths alone; objects of which nothing was ticked are dropped.
 * `actions`: those beyond reading that were ticked, by object. `filters`: which records of whole collections, by object; where there is
 * none, none leaves. Undefined while nothing is ticked or no end is chosen.
 */
export function grantedOf(
  asked: AuthorizationDetails,
  picks: readonly Pick[],
  choice: {
    until: Until;
    actions: Readonly<Record<number, readonly string[]>>;
    filters?: Readonly<Record<number, Filter | undefined>>;
  },
  now: number,
): AuthorizationDetails | undefined {
  const end = endOf(choice.until, asked, now);
  if (end === undefined) return undefined;
  const granted = asked.flatMap((detail, at): AuthorizationDetail[] => {
    const filter = choice.filters?.[at];
    const here = picks.filter(({ row }) => row.detail === at && (!row.whole || filter !== undefined));
    const paths = here.map(pathOf);
    const actions = actionsOf(detail, choice.actions[at]);
    if (paths.length === 0 || actions.length === 0) return [];
    return [
      {
        ...detail,
        actions,
        paths: [...new Set(paths)],
        ...(filter !== undefined && here.some(({ row }) => row.whole) ? { filter } : {}),
        expires: instant(Math.min(end, Math.floor(Date.parse(detail.expires) / 1000) * 1000)),
        ...(choice.until.kind === "once" ? { frequency: { max: 1 } } : {}),
      },
    ];
  });
  return granted.length === 0 ? undefined : granted;
}

/** The typed values among what was ticked, each once. Typed values that aren't ticked are not kept. */
export function editsOf(picks: readonly Pick[], values: ReadonlyMap<string, unknown>): Edit[] {
  const drafts = new Map<string, Edit>();
  for (const { row } of picks) {
    if (row.draft === undefined || drafts.has(row.draft)) continue;
    const value = values.get(row.draft);
    const key = row.base.slice(row.kind.path.length + 1);
    if (value !== undefined) drafts.set(row.draft, { path: row.kind.path, value, ...(row.kind.many ? { key } : {}) });
  }
  return [...drafts.values()];
}
