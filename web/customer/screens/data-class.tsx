import { useSignal } from "@preact/signals";
import { useRoute } from "preact-iso/router";
import { kindAt } from "#protocol/categories.ts";
import { words } from "../../locales/words.ts";
import { KindSection } from "../data/kind-section.tsx";
import { recordsOf } from "../data/records.ts";
import { SearchField } from "../data/search-field.tsx";
import { DATA_CLASSES, isMadeClass } from "../data-classes.ts";
import { Opened } from "../opened.tsx";
import { NotFound } from "./not-found.tsx";

/** A page of data that is made from the schemas of its kinds. */
export function DataClassScreen() {
  const { data: t } = words();
  const query = useSignal("");
  const name = useRoute().params.class ?? "";
  if (!isMadeClass(name)) return <NotFound />;
  const kinds = DATA_CLASSES[name].flatMap((path) => kindAt(path) ?? []);
  return (
    <>
      <p class="crumb no-print">
        <a href="/data">{t.all}</a>
      </p>
      <Opened key={name} title={t.classes[name].title}>
        {(store) => {
          const count = kinds.reduce((sum, { path }) => sum + recordsOf(store.records, path).length, 0);
          return (
            <div class="narrow">
              <p class="lead">{name === "contact" ? t.contactNote : t.classes[name].good}</p>
              {count > FEW && <SearchField label={t.searchIn} query={query} />}
              {kinds.map((kind) => (
                <KindSection key={kind.path} kind={kind} store={store} alone={kinds.length === 1} query={count > FEW ? query.value : ""} />
              ))}
            </div>
          );
        }}
      </Opened>
    </>
  );
}

/** What one sees at a glance needs no search. */
const FEW = 3;
