import { useMemo } from "preact/hooks";
import { words } from "../../locales/words.ts";
import type { RecordView } from "../../vault/vault.ts";
import { recordHref } from "../data-classes.ts";
import { groupTitle } from "../labels.ts";
import { valueParts } from "../values.ts";
import { found, useFolded } from "./found.ts";

interface Results {
  total: number;
  groups: ReadonlyArray<{ kind: string; hits: readonly RecordView[] }>;
}

/** At most so many: whoever wants another one types more. */
const MOST = 50;

/** What of everything holds the words of `query`, by kind in the store's order; undefined while nothing is looked for. */
export function useResults(records: readonly RecordView[], query: string): Results | undefined {
  const shown = useMemo(() => records.filter((each) => each.value !== null && recordHref(each) !== undefined), [records]);
  useFolded(shown);
  return useMemo(() => {
    if (query.trim() === "") return undefined;
    const all = found(shown, query);
    const groups = new Map<string, RecordView[]>();
    for (const hit of all.slice(0, MOST)) groups.set(hit.kind, [...(groups.get(hit.kind) ?? []), hit]);
    return { total: all.length, groups: [...groups].map(([kind, hits]) => ({ kind, hits })) };
  }, [shown, query]);
}

function Hit({ hit }: { hit: RecordView }) {
  const [head = "", ...rest] = valueParts(hit.value);
  return (
    <li>
      <a href={recordHref(hit) ?? ""}>
        <bdi>{head}</bdi>
      </a>
      {rest.length > 0 && <p class="note">{rest.join(" · ")}</p>}
    </li>
  );
}

export function SearchResults({ total, groups }: Results) {
  const { data: t } = words();
  return (
    <div class="narrow">
      {total === 0 && <p>{t.notFound}</p>}
      {groups.map(({ kind, hits }) => (
        <section key={kind} class="group">
          <h2>{groupTitle(kind)}</h2>
          <ul class="hits">
            {hits.map((hit) => (
              <Hit key={hit.path} hit={hit} />
            ))}
          </ul>
        </section>
      ))}
      {total > MOST && <p class="note">{t.firstOf(MOST, total)}</p>}
    </div>
  );
}
