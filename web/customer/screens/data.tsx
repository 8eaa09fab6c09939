import { words } from "../../locales/words.ts";
import type { StoreView } from "../../vault/vault.ts";
import { DATA_CLASSES, isDataClass } from "../data-classes.ts";
import { Opened } from "../opened.tsx";
import { valueText } from "../values.ts";

export function Data() {
  const t = words().data;
  return (
    <Opened title={t.title}>
      {(store) => (
        <>
          <p class="lead">{t.lead}</p>
          <ul class="classes">
            {Object.keys(DATA_CLASSES)
              .filter(isDataClass)
              .map((each) => {
                const lines = linesOf(store, DATA_CLASSES[each]);
                return (
                  <li key={each}>
                    <a href={`/data/${each}`}>
                      <h2>{t.classes[each].title}</h2>
                      <p>{t.count(lines.length)}</p>
                      <p class="note">{lines.length === 0 ? t.classes[each].good : lines.slice(0, 3).join(" · ")}</p>
                    </a>
                  </li>
                );
              })}
          </ul>
        </>
      )}
    </Opened>
  );
}

const linesOf = (store: StoreView, kinds: readonly string[]): string[] =>
  store.records.filter((record) => kinds.includes(record.kind) && record.value !== null).map((record) => valueText(record.value));
