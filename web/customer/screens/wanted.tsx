import { useEffect, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { fieldDay } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Limited } from "../../parts/limited.tsx";
import { useNow } from "../../parts/now.ts";
import { UndoLine } from "../../parts/undo-line.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { type Endings, lastStep, useEndings } from "../wanted/endings.ts";
import { byEnd, inOrder, type Wish, wishesOf } from "../wanted/intents.ts";
import { WishRow } from "../wanted/wish-row.tsx";

const AT_FIRST = 50;

export function Wanted() {
  return <Opened title={words().wanted.title}>{(store) => <List store={store} />}</Opened>;
}

function List({ store }: { store: StoreView }) {
  const { wanted: t } = words();
  const today = fieldDay(useNow().value);
  const endings = useEndings();
  const group = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    // Set once: closing and opening it again is the customer's.
    if (group.current && lastStep.value && lastStep.value.wish.intent.state !== "open") group.current.open = true;
    return () => {
      lastStep.value = undefined;
    };
  }, []);
  // What was ended or removed a moment ago keeps its place, so that the way back stands where the wish stood.
  const last = lastStep.value?.wish;
  const others = wishesOf(store).filter((each) => each.record.path !== last?.record.path);
  const all = last === undefined ? others : [...others, last];
  const open = all.filter((each) => each.intent.state === "open").sort(inOrder(today));
  const over = all.filter((each) => each.intent.state !== "open").sort(byEnd);
  if (all.length === 0)
    return (
      <div class="narrow">
        <p class="lead">{t.emptyLead}</p>
        <p class="note">{t.emptyNote}</p>
        <div class="row-of-buttons">
          <a class="btn" href="/wanted/new">
            {t.addFirst}
          </a>
        </div>
      </div>
    );
  return (
    <div class="narrow">
      <p class="lead">{t.lead}</p>
      <a class="btn" href="/wanted/new">
        {t.add}
      </a>
      <ErrorState error={endings.step.error.value ?? endings.undo.error.value} />
      <section class="group">
        <h2>{t.open}</h2>
        {open.length === 0 ? <p class="note">{t.noneOpen}</p> : <Rows wishes={open} today={today} endings={endings} />}
      </section>
      {over.length > 0 && (
        <details ref={group} class="group">
          <summary>{t.ended(over.length)}</summary>
          <Rows wishes={over} today={today} endings={endings} />
        </details>
      )}
    </div>
  );
}

function Rows({ wishes, today, endings }: { wishes: readonly Wish[]; today: string; endings: Endings }) {
  const { wanted: t } = words();
  const last = lastStep.value;
  return (
    <Limited items={wishes} first={AT_FIRST} step={AT_FIRST} more={t.more}>
      {(shown) => (
        <ul class="records">
          {shown.map((wish) => (
            <li key={wish.record.path} data-row>
              {wish.record.path === last?.wish.record.path ? (
                <UndoLine text={t.done[last.ending](wish.intent.item)} undo={t.undo} onUndo={endings.undo.run} />
              ) : (
                <WishRow wish={wish} today={today} endings={endings} />
              )}
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}
