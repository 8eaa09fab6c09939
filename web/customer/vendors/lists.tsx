import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { Limited } from "../../parts/limited.tsx";
import { chipOf } from "../labels.ts";
import { Held, HolderName } from "./held.tsx";
import { type Holder, readersOf } from "./holdings.ts";

const AT_FIRST = 20;

/** The matrix where there is no room for one: by shop, or by kind of data. */
export function Lists({ holders, kinds }: { holders: readonly Holder[]; kinds: readonly string[] }) {
  const { vendors: t } = words();
  const by = useSignal<"shop" | "data">("shop");
  const id = useId();
  return (
    <>
      <fieldset class="field">
        <legend>{t.switch}</legend>
        <div class="choices">
          {(["shop", "data"] as const).map((each) => (
            <label class="choice" key={each}>
              <input
                type="radio"
                name={id}
                checked={by.value === each}
                onChange={() => {
                  by.value = each;
                }}
              />
              {t.by[each]}
            </label>
          ))}
        </div>
      </fieldset>
      {by.value === "shop" ? <ByShop holders={holders} kinds={kinds} /> : <ByKind holders={holders} kinds={kinds} />}
    </>
  );
}

interface Props {
  holders: readonly Holder[];
  kinds: readonly string[];
}

function ByShop({ holders, kinds }: Props) {
  const { vendors: t } = words();
  return (
    <Limited items={holders} first={AT_FIRST} step={AT_FIRST} more={t.moreShops}>
      {(shown) => (
        <ul class="records">
          {shown.map((holder) => (
            <li key={holder.relationship} data-row>
              <h3>
                <HolderName holder={holder} />
              </h3>
              <dl class="holdings">
                {kinds.map((kind) => {
                  const held = holder.holdings.get(kind);
                  return (
                    held && (
                      <div key={kind}>
                        <dt>{chipOf(kind)}</dt>
                        <dd>
                          <Held held={held} />
                        </dd>
                      </div>
                    )
                  );
                })}
              </dl>
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}

function ByKind({ holders, kinds }: Props) {
  const { vendors: t } = words();
  return kinds.map((kind) => (
    <section key={kind} class="group">
      <h3>{chipOf(kind)}</h3>
      <p class="note">{t.readers(readersOf(holders, kind))}</p>
      <Limited items={holders.filter((each) => each.holdings.has(kind))} first={AT_FIRST} step={AT_FIRST} more={t.moreShops}>
        {(shown) => (
          <ul class="records">
            {shown.map((holder) => {
              const held = holder.holdings.get(kind);
              return (
                <li key={holder.relationship} data-row>
                  <p>
                    <HolderName holder={holder} />
                  </p>
                  {held && <Held held={held} />}
                </li>
              );
            })}
          </ul>
        )}
      </Limited>
    </section>
  ));
}
