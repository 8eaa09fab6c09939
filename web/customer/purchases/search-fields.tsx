import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { monthName } from "../../parts/dates.ts";
import { type Bought, countsOf, FOR_WHOM, mayBeGift, yearsOf } from "./bought.ts";
import { EVERYTHING, ORDERS, type Order, type Search } from "./find.ts";
import { categoryWord, recipientWord } from "./labels.ts";

/** The filters that are on, apart from the text, in words. */
function filtersOn({ year, shop, category, recipient, due }: Search): string[] {
  const { tag, purchases: t } = words();
  return [
    year.length > 4 ? monthName(tag, year) : year,
    shop,
    category === "none" ? t.noCategory : category && categoryWord(category),
    recipient === "hinted" ? t.hinted : recipient && recipientWord(recipient),
    due && t.dues[due],
  ].filter((each) => each !== "");
}

interface Props {
  all: readonly Bought[];
  search: Search;
  onChange: (search: Search) => void;
}

export function SearchFields({ all, search, onChange }: Props) {
  const { tag, purchases: t } = words();
  const id = useId();
  const hinted = all.filter(({ value }) => mayBeGift(value)).length;
  const set = (part: Partial<Search>) => onChange({ ...search, ...part });
  const on = filtersOn(search);
  return (
    <search class="seek">
      <div class="field">
        <label for={`${id}-text`}>{t.search}</label>
        <input
          id={`${id}-text`}
          type="search"
          value={search.text}
          autocomplete="off"
          aria-describedby={`${id}-hint`}
          onInput={(event) => set({ text: event.currentTarget.value })}
        />
        <small id={`${id}-hint`}>{t.searchHint}</small>
      </div>
      <details>
        <summary>{t.filters(on.join(", "))}</summary>
        <div class="filters">
          <Choice name={t.year} value={search.year} onChange={(year) => set({ year })}>
            {search.year.length > 4 && <option value={search.year}>{monthName(tag, search.year)}</option>}
            {yearsOf(all).map((year) => (
              <option key={year} value={year}>
                {year}
              </option>
            ))}
          </Choice>
          <Choice name={t.shop} value={search.shop} onChange={(shop) => set({ shop })}>
            {countsOf(all, ({ seller }) => seller).map(({ of, count }) => (
              <option key={of} value={of}>
                {t.counted(of, count)}
              </option>
            ))}
          </Choice>
          <Choice name={t.category} value={search.category} onChange={(category) => set({ category })}>
            {countsOf(all, ({ category }) => category).map(({ of, count }) => (
              <option key={of ?? "none"} value={of ?? "none"}>
                {t.counted(of === undefined ? t.noCategory : categoryWord(of), count)}
              </option>
            ))}
          </Choice>
          <Choice name={t.forWhom} value={search.recipient} onChange={(recipient) => set({ recipient: recipient as Search["recipient"] })}>
            {(hinted > 0 || search.recipient === "hinted") && <option value="hinted">{t.counted(t.hinted, hinted)}</option>}
            {FOR_WHOM.map((each) => (
              <option key={each} value={each}>
                {recipientWord(each)}
              </option>
            ))}
          </Choice>
          <Choice name={t.due} value={search.due} onChange={(due) => set({ due: due as Search["due"] })}>
            <option value="return">{t.dues.return}</option>
            <option value="warranty">{t.dues.warranty}</option>
          </Choice>
          <Choice name={t.order} value={search.order} always onChange={(order) => set({ order: order as Order })}>
            {ORDERS.map((each) => (
              <option key={each} value={each}>
                {t.orders[each]}
              </option>
            ))}
          </Choice>
        </div>
      </details>
      {(on.length > 0 || search.text !== "") && (
        <button type="button" class="text-btn" onClick={() => onChange({ ...EVERYTHING, order: search.order })}>
          {t.clear}
        </button>
      )}
    </search>
  );
}

/** A select whose first answer asks nothing. */
export function Choice(props: {
  name: string;
  value: string;
  always?: boolean;
  none?: string;
  onChange: (value: string) => void;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.name}</label>
      <select id={id} value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {!props.always && <option value="">{props.none ?? words().purchases.any}</option>}
        {props.children}
      </select>
    </div>
  );
}
