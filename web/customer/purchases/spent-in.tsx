import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import type { Search } from "./find.ts";
import { categoryWord } from "./labels.ts";
import { Bars, Columns } from "./pictures.tsx";
import { folded, type Spending, type Sum } from "./spending.ts";
import { SumTable } from "./sum-table.tsx";
import { currencyName, sumText } from "./sums.ts";

const MOST_BARS = 8;

/** What was spent in one currency: by time, by shop, by kind of thing; each as a picture with its table. `year` empty: all years. */
export function SpentIn({ spending, year, recipient }: { spending: Spending; year: string; recipient: Search["recipient"] }) {
  const { tag, purchases } = words();
  const t = purchases.spending;
  const { currency, sum, count, times } = spending;
  const id = useId();
  const month = new Intl.DateTimeFormat(tag === "en" ? "en-GB" : tag, { month: "long", timeZone: "UTC" });
  const short = new Intl.DateTimeFormat(tag === "en" ? "en-GB" : tag, { month: "narrow", timeZone: "UTC" });
  const named = (key: string, format: Intl.DateTimeFormat): string => (year === "" ? key : format.format(new Date(`${key}-01T00:00:00Z`)));
  const highest = times.reduce<Sum | undefined>((top, each) => (top === undefined || each.sum > top.sum ? each : top), undefined);
  const byTime = year === "" ? t.byYear : t.byMonth;
  return (
    <section class="group" aria-labelledby={id}>
      <h2 id={id}>{currencyName(tag, currency)}</h2>
      <p class="total">{t.total(sumText(tag, sum, currency), count)}</p>
      <div class="spent">
        <section>
          <h3>{byTime}</h3>
          <Columns
            title={t.picture(byTime, sumText(tag, sum, currency), named(highest?.key ?? "", month))}
            bars={times.map((each) => ({ label: named(each.key, short), sum: each.sum }))}
          />
          <SumTable
            caption={byTime}
            head={year === "" ? purchases.year : t.month}
            currency={currency}
            rows={times.filter((each) => each.count > 0).map((each) => ({ ...each, label: named(each.key, month) }))}
            look={(key) => ({ recipient, year: key })}
          />
        </section>
        <Parts
          title={t.byShop}
          head={purchases.shop}
          all={spending.shops}
          currency={currency}
          label={(key) => key}
          look={(shop) => ({ recipient, year, shop })}
        />
        <Parts
          title={t.byCategory}
          head={purchases.category}
          all={spending.categories}
          currency={currency}
          label={(key) => (key === "" ? purchases.noCategory : categoryWord(key))}
          look={(key) => ({ recipient, year, category: key === "" ? "none" : key })}
          note={spending.categories.some(({ key }) => key === "") ? t.noCategory : undefined}
        />
      </div>
    </section>
  );
}

function Parts(props: {
  title: string;
  head: string;
  all: readonly Sum[];
  currency: string;
  label: (key: string) => string;
  look: (key: string) => Partial<Search>;
  note?: string | undefined;
}) {
  const { tag, purchases } = words();
  const t = purchases.spending;
  const { shown, rest } = folded(props.all, MOST_BARS);
  const bars = shown.map(({ key, sum }) => ({ label: props.label(key), sum }));
  if (rest) bars.push({ label: t.others(props.all.length - shown.length), sum: rest.sum });
  return (
    <section>
      <h3>{props.title}</h3>
      <Bars
        bars={bars}
        title={t.pictureList(props.title, bars.map(({ label, sum }) => `${label} ${sumText(tag, sum, props.currency)}`).join(", "))}
      />
      <SumTable
        key={props.all.length}
        caption={props.title}
        head={props.head}
        currency={props.currency}
        rows={props.all.map((each) => ({ ...each, label: props.label(each.key) }))}
        look={props.look}
      />
      {props.note && <p class="note">{props.note}</p>}
    </section>
  );
}
