import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { Limited } from "../../parts/limited.tsx";
import { chipOf } from "../labels.ts";
import { Held, HolderName } from "./held.tsx";
import { type Holder, readersOf } from "./holdings.ts";

const AT_FIRST = 20;
const STEP = 50;

/** Shops by kinds of data. Wider than the page, it scrolls in a region of its own. */
export function Matrix({ holders, kinds }: { holders: readonly Holder[]; kinds: readonly string[] }) {
  const { vendors: t } = words();
  const id = useId();
  return (
    <Limited items={holders} first={AT_FIRST} step={STEP} more={t.moreShops}>
      {(shown) => (
        <section class="matrix" aria-labelledby={id}>
          <table>
            <caption id={id} class="vh">
              {t.table}
            </caption>
            <thead>
              <tr>
                <th scope="col">{t.shop}</th>
                {kinds.map((kind) => (
                  <th scope="col" key={kind}>
                    {chipOf(kind)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((holder) => (
                <tr key={holder.relationship} data-row>
                  <th scope="row">
                    <HolderName holder={holder} />
                  </th>
                  {kinds.map((kind) => {
                    const held = holder.holdings.get(kind);
                    return <td key={kind}>{held === undefined ? <Nothing /> : <Held held={held} />}</td>;
                  })}
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row">{t.total}</th>
                {kinds.map((kind) => (
                  <td key={kind}>{t.totals(readersOf(holders, kind))}</td>
                ))}
              </tr>
            </tfoot>
          </table>
        </section>
      )}
    </Limited>
  );
}

function Nothing() {
  return (
    <>
      <span class="note" aria-hidden="true">
        –
      </span>
      <span class="vh">{words().vendors.nothing}</span>
    </>
  );
}
