import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { useVault } from "../vault-context.ts";
import type { Search } from "./find.ts";
import { askFor } from "./last-search.ts";
import type { Sum } from "./spending.ts";
import { sumText } from "./sums.ts";

const PAGE = 12;

/** The numbers behind a picture. */
export function SumTable(props: {
  caption: string;
  head: string;
  rows: readonly (Sum & { label: string })[];
  currency: string;
  /** What to look for in the list, to see what a row adds up. */
  look: (key: string) => Partial<Search>;
}) {
  const vault = useVault();
  const { tag, purchases: t } = words();
  const whole = useSignal(props.rows.length <= PAGE);
  const rows = whole.value ? props.rows : props.rows.slice(0, PAGE);
  return (
    <>
      <table>
        <caption class="vh">{props.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{props.head}</th>
            <th scope="col" class="number">
              {t.spending.sum}
            </th>
            <th scope="col" class="number">
              {t.spending.count}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, label, sum, count }) => (
            <tr key={key}>
              <th scope="row">
                <a href="/data/purchases" onClick={() => askFor(vault, props.look(key))}>
                  {label}
                </a>
              </th>
              <td class="number">{sumText(tag, sum, props.currency)}</td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length < props.rows.length && (
        <button
          type="button"
          class="text-btn"
          onClick={() => {
            whole.value = true;
          }}
        >
          {t.spending.showAll(props.rows.length)}
        </button>
      )}
    </>
  );
}
