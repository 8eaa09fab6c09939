import { words } from "../../locales/words.ts";
import type { Bought } from "./bought.ts";
import { returnsSoon, type Search, underWarranty } from "./find.ts";

/** Three numbers that something can be done about. */
export function Figures(props: { all: readonly Bought[]; today: string; due: Search["due"]; onDue: (due: Search["due"]) => void }) {
  const { purchases: t } = words();
  const unsorted = props.all.filter(({ value }) => value.recipient === "unknown").length;
  const returns = props.all.filter(({ value }) => returnsSoon(value, props.today)).length;
  const warranties = props.all.filter(({ value }) => underWarranty(value, props.today)).length;
  const filter = (due: "return" | "warranty", count: number, word: string) => (
    <button
      type="button"
      aria-pressed={props.due === due}
      aria-disabled={count === 0 || undefined}
      onClick={() => {
        if (count > 0) props.onDue(props.due === due ? "" : due);
      }}
    >
      <strong>{count}</strong> {word}
    </button>
  );
  return (
    <ul class="figures" aria-label={t.figures}>
      <li>
        {unsorted === 0 ? (
          <span>
            <strong>0</strong> {t.toSort(0)}
          </span>
        ) : (
          <a href="/data/purchases/sort">
            <strong>{unsorted}</strong> {t.toSort(unsorted)}
          </a>
        )}
      </li>
      <li>{filter("return", returns, t.returns(returns))}</li>
      <li>{filter("warranty", warranties, t.warranties(warranties))}</li>
    </ul>
  );
}
