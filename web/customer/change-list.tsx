import type { ComponentChildren } from "preact";
import { formOf } from "#protocol/categories.ts";
import { milliseconds } from "#protocol/duration.ts";
import { filterIsWider, frequencyIsWider } from "#protocol/narrow.ts";
import { splitPath } from "#protocol/paths.ts";
import { words } from "../locales/words.ts";
import { countryName } from "../parts/countries.ts";
import { day } from "../parts/dates.ts";
import type { StoreView } from "../vault/vault.ts";
import { filterWords } from "./ask/filter-words.ts";
import { actionWord } from "./ask/more-actions.tsx";
import { type Change, changedTerms, type Term } from "./changes.ts";
import { chipOf, purposeWords } from "./labels.ts";
import { Changed, keepsText, Names, oftenText } from "./terms.tsx";
import { valueText } from "./values.ts";

type Detail = NonNullable<Change["after"]>;

/** A change in one list (C12): what is new with its sign and its word, what goes struck and with its words, what stays quiet. */
export function ChangeList({ changes, store }: { changes: readonly Change[]; store: StoreView }) {
  const { ask: t } = words();
  const several = new Set(changes.map((each) => each.purpose)).size > 1;
  return (
    <>
      {changes.map((change, at) => (
        <div key={at}>
          {several && <p class="sub">{purposeWords(change.purpose).short}</p>}
          <ul class="changes">
            {change.added.map((path) => (
              <li key={path} class="added">
                <span class="tag-new">{t.fresh}:</span> <Thing path={path} store={store} />
              </li>
            ))}
            {change.gone.map((path) => (
              <li key={path} class="gone">
                <del>
                  <Thing path={path} store={store} />
                </del>{" "}
                {t.change.noLonger}
              </li>
            ))}
            {change.kept.map((path) => (
              <li key={path}>
                <Thing path={path} store={store} /> {t.change.stays}
              </li>
            ))}
            {change.before && change.after && <Terms change={change} before={change.before} after={change.after} />}
          </ul>
        </div>
      ))}
    </>
  );
}

/** "Address, only the town: Trieste". The value is the customer's own, for telling one from another. */
function Thing({ path, store }: { path: string; store: StoreView }) {
  const { base } = splitPath(path);
  const record = store.records.find((each) => each.path === base);
  const value = record === undefined || record.value === null ? "" : valueText(formOf(path, record.value, new Date()));
  return (
    <>
      {chipOf(path)}
      {value && <span class="mono"> {value}</span>}
    </>
  );
}

function Terms({ change, before, after }: { change: Change; before: Detail; after: Detail }) {
  const { tag, ask: t } = words();
  const told: Record<Term, readonly [string, ComponentChildren]> = {
    actions: [t.also, <Names key="actions" now={after.actions} was={before.actions} none="" text={actionWord} />],
    filter: [
      t.only,
      <Changed key="filter" text={onlyText(after)} was={onlyText(before)} isMore={filterIsWider(after.filter, before.filter)} />,
    ],
    retention: [
      t.keeps,
      <Changed
        key="retention"
        text={keepsText(after)}
        was={keepsText(before)}
        isMore={milliseconds(after.retention) > milliseconds(before.retention)}
      />,
    ],
    expires: [
      t.until,
      <Changed
        key="expires"
        text={day(tag, after.expires)}
        was={day(tag, before.expires)}
        isMore={Date.parse(after.expires) > Date.parse(before.expires)}
      />,
    ],
    frequency: [
      t.often,
      <Changed
        key="frequency"
        text={oftenText(after)}
        was={oftenText(before)}
        isMore={frequencyIsWider(after.frequency, before.frequency)}
      />,
    ],
    recipients: [
      t.who,
      <Names key="recipients" now={after.recipients} was={before.recipients ?? []} none={t.whoNone} text={(name) => name} />,
    ],
    storage_countries: [
      t.where,
      <Names
        key="countries"
        now={after.storage_countries}
        was={before.storage_countries ?? []}
        none={t.whereNone}
        text={(code) => countryName(tag, code)}
      />,
    ],
  };
  return (
    <>
      {changedTerms(change).map((term) => (
        <li key={term}>
          {told[term][0]}: {told[term][1]}
        </li>
      ))}
    </>
  );
}

const onlyText = ({ filter }: Detail): string => filterWords(filter).join("; ") || words().ask.change.all;
