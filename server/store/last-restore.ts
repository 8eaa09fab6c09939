import type { Life } from "../life.ts";
import type { StoreRow } from "../rows.ts";

/** When a store was put back to an earlier state last, with all others or alone, and to that of when, where that is known; null: never. */
export function lastRestore(
  { restored, from }: Pick<Life, "restored" | "from">,
  row: StoreRow | undefined,
): { readonly at: number; readonly from: number | null } | null {
  const whole = restored === null || row?.restores === undefined || row.created >= restored ? null : { at: restored, from };
  const { putBack } = row ?? {};
  return putBack === undefined || putBack < (whole?.at ?? 0) ? whole : { at: putBack, from: null };
}

/** Whether a device may know more of this store than is here, and its numbers go on far above. */
export const wasRestored = (row: StoreRow | undefined): boolean => Boolean(row?.restores) || row?.putBack !== undefined;
