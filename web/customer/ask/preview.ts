import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import { splitPath } from "#protocol/paths.ts";
import type { SharedValue } from "../../vault/vault.ts";
import { valueText } from "../values.ts";
import { useVault } from "../vault-context.ts";
import { editsOf, grantedOf, type Pick, pathOf } from "./granted.ts";

/** So many milliseconds without a change before a whole collection is looked through. */
const PAUSE = 150;

/**
 * What would leave of what is ticked, as the vault says. `ready`: ticked, and typed right where it is typed; `filters`: by object of the
 * request.
 */
export function usePreview(
  asked: AuthorizationDetails,
  ready: readonly Pick[],
  values: ReadonlyMap<string, unknown>,
  filters: readonly (Filter | undefined)[],
  now: number,
) {
  const vault = useVault();
  const leaving = useSignal<{ of: string; values: ReadonlyMap<number, readonly SharedValue[]> }>({ of: "", values: new Map() });
  const preview = JSON.stringify([ready.map(({ row, form }) => [row.id, form]), [...values], filters]);
  useEffect(() => {
    let stale = false;
    const look = async (): Promise<void> => {
      const choice = { until: { kind: "once" } as const, actions: asked.map((each) => each.actions), filters };
      const edits = editsOf(ready, values);
      // Each object by itself: two may ask for the same collection with another filter each.
      const all = await Promise.all(
        asked.map(async (_, at): Promise<[number, readonly SharedValue[]]> => {
          const here = ready.filter(({ row }) => row.detail === at);
          const details = here.length === 0 ? undefined : grantedOf(asked, here, choice, now);
          return [at, details === undefined ? [] : await vault.preview(details, edits)];
        }),
      );
      if (!stale) leaving.value = { of: preview, values: new Map(all) };
    };
    const timer = setTimeout(() => void look().catch(() => undefined), ready.some(({ row }) => row.whole) ? PAUSE : 0);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [preview]);
  const of = ({ row }: Pick): readonly SharedValue[] | undefined => leaving.value.values.get(row.detail);
  return {
    /** Of one value; undefined while it is looked up, null where there is nothing yet. */
    leavesOf: (pick: Pick): string | null | undefined => {
      if (pick.row.draft !== undefined && !values.has(pick.row.draft)) return null;
      const shown = of(pick)?.find((each) => each.path === pathOf(pick));
      return shown === undefined ? undefined : valueText(shown.value) || null;
    },
    /** Of a whole collection; undefined until the vault has answered for just this choice. */
    linesOf: (pick: Pick): readonly SharedValue[] | undefined => {
      if (filters[pick.row.detail] === undefined) return [];
      if (leaving.value.of !== preview) return undefined;
      return (of(pick) ?? []).filter(({ path, value }) => {
        const { base, form } = splitPath(path);
        return value !== null && (path === pathOf(pick) || (base.startsWith(`${pick.row.base}/`) && form === pick.form));
      });
    },
  };
}
