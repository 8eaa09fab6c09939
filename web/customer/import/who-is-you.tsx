import { useSignal } from "@preact/signals";
import type { PersonLine } from "../../imports/open-file.ts";
import { words } from "../../locales/words.ts";
import { fold, holds, once, termsOf } from "../../parts/fold.ts";
import { Limited } from "../../parts/limited.tsx";

const textOf = once(({ name, about }: PersonLine): string => fold(`${name} ${about}`));

interface Props {
  people: readonly PersonLine[];
  chosen: number | undefined;
  onChoose: (at: number) => void;
}

export function WhoIsYou({ people, chosen, onChoose }: Props) {
  const t = words().imports;
  const query = useSignal("");
  const asked = termsOf(query.value);
  const found = people.map((person, at) => ({ person, at })).filter(({ person, at }) => at === chosen || holds(textOf(person), asked));
  return (
    <fieldset class="group">
      <legend>{t.whoAreYou}</legend>
      <p class="note">{t.whoNote}</p>
      {people.length > 8 && (
        <div class="field">
          <label for="who-search">{t.whoSearch}</label>
          <input
            id="who-search"
            type="search"
            value={query.value}
            onInput={(event) => {
              query.value = event.currentTarget.value;
            }}
          />
          <p class="note" role="status">
            {asked.length > 0 && t.whoFound(found.length)}
          </p>
        </div>
      )}
      <Limited key={asked.join(" ")} items={found} first={20} step={50} more={t.more}>
        {(shown) => (
          <ul class="items">
            {shown.map(({ person, at }) => (
              <li class="item" key={at} data-row>
                <label class="row">
                  <input type="radio" name="who" checked={at === chosen} onChange={() => onChoose(at)} />
                  <span>
                    {person.name || t.nameless}
                    <span class="sub">{[person.about, t.details(person.details)].filter(Boolean).join(" · ")}</span>
                  </span>
                </label>
              </li>
            ))}
          </ul>
        )}
      </Limited>
    </fieldset>
  );
}
