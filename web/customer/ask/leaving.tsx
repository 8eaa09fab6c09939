import { digestAt } from "#protocol/categories.ts";
import { words } from "../../locales/words.ts";
import { Limited } from "../../parts/limited.tsx";
import type { SharedValue } from "../../vault/vault.ts";
import { valueText } from "../values.ts";

const PAGE = 20;

/** What of a collection would leave, from the vault: its digest, or line by line. `values` undefined: being looked up. */
export function Leaving(props: { path: string; values: readonly SharedValue[] | undefined; stored: number; once: boolean }) {
  const { path, values } = props;
  const { ask: t } = words();
  const isDigest = digestAt(path) !== undefined;
  const lines = values === undefined ? [] : isDigest ? values.map(({ value }) => valueText(value)) : linesOf(values);
  const count = values?.length ?? 0;
  return (
    <div class="leaves" aria-live="polite">
      <span class="note">
        {values === undefined
          ? t.seesPending
          : count === 0
            ? props.stored === 0
              ? t.noneStored
              : t.nothingLeaves
            : isDigest
              ? t.sees
              : t.leave(count)}
      </span>
      {isDigest ? (
        <output>{lines.join("; ")}</output>
      ) : (
        <Limited items={lines} first={PAGE} step={PAGE} more={t.moreLines}>
          {(shown) => (
            <ul class="lines">
              {shown.map((line, at) => (
                <li key={at} data-row tabIndex={-1}>
                  {line}
                </li>
              ))}
            </ul>
          )}
        </Limited>
      )}
      {count > 0 && !props.once && <span class="note">{isDigest ? t.laterDigest : t.laterLines}</span>}
    </div>
  );
}

/** A line for each value; of equal ones one, with their number. */
function linesOf(values: readonly SharedValue[]): string[] {
  const counts = new Map<string, number>();
  for (const { value } of values) {
    const line = valueText(value);
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([line, count]) => (count === 1 ? line : words().ask.times(line, count)));
}
