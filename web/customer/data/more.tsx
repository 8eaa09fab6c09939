import { type Signal, useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { focusRow } from "./focus-row.ts";

const STEP = 50;

/** How many rows of a long list are shown: fifty, more on demand, and at least so many that the row at `needed` is among them. */
export function useLimit(needed = -1): Signal<number> {
  return useSignal(Math.max(STEP, Math.ceil((needed + 1) / STEP) * STEP));
}

/** Shows more of a list; the focus goes to the first row that came. `pathAt`: the path of the row at an index. */
export function More({ limit, total, pathAt }: { limit: Signal<number>; total: number; pathAt: (index: number) => string | undefined }) {
  const { data: t } = words();
  if (total <= limit.value) return null;
  return (
    <p class="more">
      <span class="note">{t.shown(limit.value, total)}</span>{" "}
      <button
        type="button"
        class="text-btn"
        onClick={() => {
          const first = pathAt(limit.value);
          limit.value += STEP;
          if (first !== undefined) focusRow(first);
        }}
      >
        {t.more}
      </button>
    </p>
  );
}
