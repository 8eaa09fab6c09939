import type { Import } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import { calendarDay } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Limited } from "../../parts/limited.tsx";
import { Notice } from "../../parts/notice.tsx";
import type { StoreView } from "../../vault/vault.ts";
import type { TakingBack } from "./taking-back.ts";

const idOf = (path: string): string => path.slice(path.indexOf("/") + 1);

/** Imports that are still here, newest first; one that was cut off before all others. */
export function Earlier({ store, taking }: { store: StoreView; taking: TakingBack }) {
  const { tag, imports: t } = words();
  const all = store.records
    .filter(({ kind, value }) => kind === "imports" && value !== null)
    .map(({ path, value }) => ({ id: idOf(path), ...(value as Import) }))
    .sort((a, b) => (a.at < b.at ? 1 : -1));
  if (all.length === 0) return null;
  const torn = all.filter(({ state }) => state === "running");
  const undo = (id: string, file: string) => (
    <button type="button" class="text-btn" aria-label={t.undoOf(file)} onClick={() => taking.run(id)}>
      {t.undo}
    </button>
  );
  return (
    <section class="apart narrow">
      <h2>{t.earlier}</h2>
      {torn.map(({ id, file }) => (
        <Notice key={id} tone="brass" title={t.cutOffTitle}>
          <p>
            <bdi>{file}</bdi>: {t.cutOff}
          </p>
          {undo(id, file)}
        </Notice>
      ))}
      <Limited items={all.filter(({ state }) => state === "done")} first={10} step={50} more={t.more}>
        {(shown) => (
          <ul class="records">
            {shown.map(({ id, file, at, count }) => (
              <li key={id} data-row>
                <p class="value">
                  <bdi>{file}</bdi>
                </p>
                <p class="note">{t.earlierLine(count, calendarDay(tag, at.slice(0, 10)))}</p>
                {undo(id, file)}
              </li>
            ))}
          </ul>
        )}
      </Limited>
      {taking.progress.value && <p role="status">{t.undoing(taking.progress.value.done, taking.progress.value.total)}</p>}
      <ErrorState error={taking.error.value} />
    </section>
  );
}
