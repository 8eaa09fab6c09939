import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { Filter } from "#protocol/authorization-details.ts";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { calendarDay } from "../../parts/dates.ts";
import { categoryWord, recipientWord } from "../purchases/labels.ts";
import type { FilterChoice } from "./collection.ts";

const FIRST = 8;

interface Props {
  asked: Filter | undefined;
  choice: FilterChoice;
  categories: readonly { readonly category: string; readonly count: number }[];
  sinces: readonly string[];
  recipients: readonly Recipient[];
  onChange: (choice: FilterChoice) => void;
}

/** Which ones (C3): nothing is ticked, and the shortest time is chosen. */
export function FilterFields({ asked, choice, categories, sinces, recipients, onChange }: Props) {
  const { tag, ask: t } = words();
  const id = useId();
  const more = useSignal(false);
  const shown = more.value ? categories : categories.slice(0, FIRST);
  const toggle = <T,>(list: readonly T[], each: T, on: boolean): T[] => (on ? [...list, each] : list.filter((other) => other !== each));
  return (
    <>
      <fieldset class="field">
        <legend>{t.whichKinds}</legend>
        {!choice.all && (
          <div class="ticks">
            {shown.map(({ category, count }) => (
              <label class="choice" key={category}>
                <input
                  type="checkbox"
                  data-category={category}
                  checked={choice.categories.includes(category)}
                  onChange={(event) =>
                    onChange({ ...choice, categories: toggle(choice.categories, category, event.currentTarget.checked) })
                  }
                />
                <span>
                  {categoryWord(category)} <span class="note">({count})</span>
                </span>
              </label>
            ))}
          </div>
        )}
        {!choice.all && shown.length < categories.length && (
          <button
            type="button"
            class="text-btn"
            onClick={() => {
              more.value = true;
            }}
          >
            {t.moreKinds(categories.length - shown.length)}
          </button>
        )}
        {(choice.all || asked?.categories?.length !== 1 || categories.length === 0) && (
          <div>
            <label class="choice">
              <input
                type="checkbox"
                data-category="all"
                checked={choice.all}
                onChange={(event) => onChange({ ...choice, all: event.currentTarget.checked })}
              />
              {asked?.categories === undefined ? t.allKinds : t.allAsked(asked.categories.map(categoryWord).join(", "))}
            </label>
          </div>
        )}
      </fieldset>
      <fieldset class="field">
        <legend>{t.whichFor}</legend>
        <div class="ticks">
          {recipients.map((each) => (
            <label class="choice" key={each}>
              <input
                type="checkbox"
                data-recipient={each}
                checked={choice.recipients.includes(each)}
                onChange={(event) => onChange({ ...choice, recipients: toggle(choice.recipients, each, event.currentTarget.checked) })}
              />
              {recipientWord(each)}
            </label>
          ))}
        </div>
        <small>{t.whichForNote}</small>
      </fieldset>
      <div class="field">
        <label for={`${id}-since`}>{t.whichSince}</label>
        <select
          id={`${id}-since`}
          value={choice.since ?? sinces[0] ?? ""}
          onChange={(event) => onChange({ ...choice, since: event.currentTarget.value })}
        >
          {sinces.map((each) => (
            <option key={each} value={each}>
              {each === "" ? t.whenever : calendarDay(tag, each)}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}
