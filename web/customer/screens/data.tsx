import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import type { RecordView, StoreView } from "../../vault/vault.ts";
import { recordsOf } from "../data/records.ts";
import { SearchField } from "../data/search-field.tsx";
import { SearchResults, useResults } from "../data/search-results.tsx";
import { classHref, classNames, DATA_CLASSES } from "../data-classes.ts";
import { Opened } from "../opened.tsx";
import { valueParts, valueText } from "../values.ts";

export function Data() {
  const t = words().data;
  return (
    <Opened title={t.title}>
      {(store) => (
        <>
          <p class="lead">{t.lead}</p>
          <Everything store={store} />
        </>
      )}
    </Opened>
  );
}

/** The classes; while one searches, what was found in their place. */
function Everything({ store }: { store: StoreView }) {
  const t = words().data;
  const query = useSignal("");
  const results = useResults(store.records, query.value);
  const isEmpty = store.records.every(({ value }) => value === null);
  return (
    <>
      {!isEmpty && <SearchField label={t.search} query={query} result={results && t.found(results.total)} />}
      {results ? <SearchResults {...results} /> : <Classes store={store} isEmpty={isEmpty} />}
    </>
  );
}

function Classes({ store, isEmpty }: { store: StoreView; isEmpty: boolean }) {
  const t = words().data;
  const reading = new Set(store.connections.filter(({ state }) => state === "active").map(({ relationship }) => relationship)).size;
  return (
    <>
      <p class={isEmpty ? "bring first" : "bring"}>
        <a class="btn" href="/data/import">
          {t.bring}
        </a>
        <span class="note">{t.bringNote}</span>
      </p>
      <ul class="classes">
        {classNames().map((each) => {
          const records = DATA_CLASSES[each].flatMap((kind) => recordsOf(store.records, kind));
          const line = first(records, 3)
            .map(({ value, kind }) => (NAMED.includes(kind) ? valueParts(value)[0] : valueText(value)))
            .join(" · ");
          return (
            <Class
              key={each}
              href={classHref(each)}
              title={t.classes[each].title}
              count={t.count(records.length)}
              line={records.length === 0 ? t.classes[each].good : line}
            />
          );
        })}
        <Class href="/data/who" title={t.who.title} count={t.whoCount(reading)} line={t.who.good} />
      </ul>
    </>
  );
}

/** The newest of what has a day, else the first. */
function first(records: readonly RecordView[], most: number): readonly RecordView[] {
  const dayOf = ({ value }: RecordView): string => String((value as { date?: unknown }).date ?? "");
  const shown: RecordView[] = [];
  for (const each of records) {
    const day = dayOf(each);
    const at = shown.findIndex((other) => dayOf(other) < day);
    if (at >= 0) shown.splice(at, 0, each);
    else if (shown.length < most) shown.push(each);
    if (shown.length > most) shown.pop();
  }
  return shown;
}

/** Kinds whose first part names them; the rest would fill the card. */
const NAMED = ["purchases", "intents", "preferences/contact"];

function Class({ href, title, count, line }: { href: string; title: string; count: string; line: string }) {
  return (
    <li>
      <a href={href}>
        <h2>{title}</h2>
        <p>{count}</p>
        <p class="note">{line}</p>
      </a>
    </li>
  );
}
