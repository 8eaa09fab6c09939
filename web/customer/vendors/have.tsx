import { useMemo } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { Limited } from "../../parts/limited.tsx";
import type { ConnectionView, SharedValue } from "../../vault/vault.ts";
import { chipOf } from "../labels.ts";
import { valueText } from "../values.ts";
import { grouped, readSums } from "./shared.ts";

/** More than these stand under their sum. */
const FEW = 5;
const AT_FIRST = 20;
const STEP = 100;

/** What lies here for them now, and what they hold already, side by side; thousands of values as sums that open. */
export function Have({ connection }: { connection: ConnectionView }) {
  const { tag, connection: t } = words();
  const waiting = useMemo(() => grouped(connection.shared), [connection.shared]);
  const read = useMemo(() => readSums(connection.reads), [connection.reads]);
  return (
    <section>
      <h2>{t.have}</h2>
      <div class="have panel">
        <div>
          <h3>{t.waiting}</h3>
          {waiting.length === 0 ? (
            <p class="note">{t.waitingNone}</p>
          ) : (
            waiting.map(([at, values]) => <Group key={at} title={chipOf(at)} values={values} />)
          )}
        </div>
        <div>
          <h3>{t.read}</h3>
          {read.length === 0 ? (
            <p class="note">{t.none}</p>
          ) : (
            <ul>
              {read.map(({ at, count, last }) => (
                <li key={at}>
                  {t.readSum(chipOf(at), count)} <span class="note">{t.readLast(day(tag, last))}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      </div>
    </section>
  );
}

function Group({ title, values }: { title: string; values: readonly SharedValue[] }) {
  const { connection: t } = words();
  if (values.length > FEW)
    return (
      <details>
        <summary>{t.readSum(title, values.length)}</summary>
        <Limited items={values} first={AT_FIRST} step={STEP} more={t.more}>
          {(shown) => <Values values={shown} />}
        </Limited>
      </details>
    );
  return (
    <>
      <p class="sub">{title}</p>
      <Values values={values} />
    </>
  );
}

function Values({ values }: { values: readonly SharedValue[] }) {
  const { connection: t } = words();
  return (
    <ul class="values">
      {values.map((each) => (
        <li key={each.path} data-row class="mono" tabIndex={-1}>
          {each.value === null ? t.older : valueText(each.value)}
        </li>
      ))}
    </ul>
  );
}
