import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import lazy, { ErrorBoundary } from "preact-iso/lazy";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { fieldDay } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Limited } from "../../parts/limited.tsx";
import { useNow } from "../../parts/now.ts";
import { say } from "../../parts/status.tsx";
import { UndoLine } from "../../parts/undo-line.tsx";
import { Opened } from "../opened.tsx";
import { type Bought, boughtOf, PURCHASES } from "../purchases/bought.ts";
import { Bulk } from "../purchases/bulk.tsx";
import { decisionsOf } from "../purchases/decisions.ts";
import { Figures } from "../purchases/figures.tsx";
import { EVERYTHING, found, type Search, useFolded } from "../purchases/find.ts";
import { recipientWord } from "../purchases/labels.ts";
import { firstSearch, forgetSearch, keepSearch } from "../purchases/last-search.ts";
import { PurchaseRow } from "../purchases/purchase-row.tsx";
import { SearchFields } from "../purchases/search-fields.tsx";
import { Unsaved } from "../purchases/unsaved.tsx";
import { useVault } from "../vault-context.ts";

/** Comes with the first form that is opened: it needs every kind's schema. */
const PurchaseForm = lazy(() => import("../purchases/purchase-form.tsx").then((it) => it.PurchaseForm));

const PAGE = 50;

export function Purchases() {
  const { data, purchases: t } = words();
  return (
    <>
      <p class="crumb no-print">
        <a href="/data">{data.all}</a>
      </p>
      <Opened title={t.title}>{() => <Found />}</Opened>
    </>
  );
}

function Found() {
  const vault = useVault();
  const { data, purchases: t } = words();
  const now = useNow();
  const day = useComputed(() => fieldDay(now.value));
  const today = day.value;
  const decisions = decisionsOf(vault);
  const search = useSignal<Search>(useMemo(() => firstSearch(vault), [vault]));
  const shown = useSignal(PAGE);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const editing = useSignal<string | undefined>(undefined);
  const removed = useSignal<Bought | undefined>(undefined);
  /** Whose answer was changed in the list a moment ago. */
  const answered = useSignal<string | undefined>(undefined);
  const opener = useRef<HTMLElement | null>(null);
  const everything = useComputed(() => (vault.store.value === undefined ? [] : boughtOf(vault.store.value, decisions.waiting.value)));
  const all = everything.value;
  const hits = useComputed(() => found(everything.value, search.value, day.value)).value;
  useFolded(all);
  const chosen = hits.filter(({ path }) => selected.value.has(path));

  const look = (next: Search) => {
    search.value = next.due !== "" && search.value.due === "" ? { ...next, order: "due" } : next;
    shown.value = PAGE;
    answered.value = undefined;
    keepSearch(vault, search.value);
  };
  useEffect(
    () => () => {
      if (vault.store.peek() === undefined) forgetSearch(vault);
    },
    [vault],
  );
  const edit = (path: string | undefined) => {
    if (path !== undefined) opener.current = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    editing.value = path;
    if (path === undefined) requestAnimationFrame(() => opener.current?.focus());
  };
  const saved = (path: string, readers: number) => {
    decisions.forget([path]);
    say(readers === 0 ? data.saved : data.savedShared(readers));
    edit(undefined);
  };
  const remove = useAction(async (bought: Bought) => {
    await vault.remove(bought.path);
    removed.value = bought;
  });
  const undo = useAction(async ({ path, value }: Bought) => {
    await vault.save({ path, value });
    removed.value = undefined;
    say(data.undone);
  });

  const add = (
    <div class="row-of-buttons">
      <a class="btn" href="/data/import">
        {all.length === 0 ? t.import : t.importAction}
      </a>
      <button type="button" class={all.length === 0 ? "btn" : "text-btn"} onClick={() => edit(PURCHASES)}>
        {t.add}
      </button>
      {all.length > 0 && (
        <>
          <a class="text-btn" href="/data/purchases/spending">
            {t.toSpending}
          </a>
          <a class="text-btn" href="/data/purchases/tastes">
            {t.toTastes}
          </a>
        </>
      )}
    </div>
  );
  const form = editing.value === PURCHASES && (
    <ErrorBoundary>
      <PurchaseForm path={PURCHASES} value={null} onSaved={() => saved(PURCHASES, 0)} onCancel={() => edit(undefined)} />
    </ErrorBoundary>
  );
  const undoLine = removed.value && (
    <UndoLine
      key={removed.value.path}
      text={t.removed(removed.value.value.item)}
      undo={t.undo}
      onUndo={() => removed.value && undo.run(removed.value)}
    />
  );
  const changed = all.find(({ path }) => path === answered.value);
  const answer = changed && (
    <p class="undo">
      <span role="status">
        {decisions.waiting.value.has(changed.path)
          ? t.savingAnswers
          : t.answered(hits.includes(changed) ? "" : changed.value.item, recipientWord(changed.value.recipient))}
      </span>{" "}
      <button
        type="button"
        class="text-btn"
        aria-label={t.undoOf(changed.value.item)}
        onClick={() => {
          decisions.undo();
          answered.value = undefined;
          say(t.undone);
        }}
      >
        {t.undo}
      </button>
    </p>
  );
  const failed = <ErrorState error={remove.error.value ?? undo.error.value} />;
  if (all.length === 0)
    return (
      <>
        <p class="lead">{t.emptyLead}</p>
        {undoLine}
        {failed}
        {add}
        {form}
      </>
    );
  return (
    <>
      <p class="lead">{t.lead}</p>
      <Figures all={all} today={today} due={search.value.due} onDue={(due) => look({ ...EVERYTHING, due })} />
      {add}
      {form}
      <Unsaved />
      <SearchFields all={all} search={search.value} onChange={look} />
      <div class="row-of-buttons">
        <p role="status">{hits.length === 0 ? t.none : t.found(hits.length, all.length)}</p>
        {hits.length > 0 && (
          <button
            type="button"
            class="text-btn"
            onClick={() => {
              selected.value = new Set(hits.map(({ path }) => path));
            }}
          >
            {t.selectAll(hits.length)}
          </button>
        )}
      </div>
      <Bulk
        selected={chosen}
        onClear={() => {
          selected.value = new Set();
        }}
      />
      {undoLine}
      {changed !== undefined && !hits.includes(changed) && answer}
      {failed}
      <Limited items={hits} first={PAGE} step={PAGE} most={shown} more={t.more}>
        {(some) => (
          <ul class="records purchases" aria-label={t.list}>
            {some.map((bought) => (
              <li key={bought.path} data-row>
                {editing.value === bought.path ? (
                  <ErrorBoundary>
                    <PurchaseForm
                      path={bought.path}
                      value={bought.value}
                      onSaved={() => saved(bought.path, new Set(bought.sharedWith.map(({ grant }) => grant)).size)}
                      onCancel={() => edit(undefined)}
                    />
                  </ErrorBoundary>
                ) : (
                  <PurchaseRow
                    bought={bought}
                    today={today}
                    dates={search.value.due === "warranty"}
                    selected={selected.value.has(bought.path)}
                    onSelect={(on) => {
                      const next = new Set(selected.value);
                      if (on) next.add(bought.path);
                      else next.delete(bought.path);
                      selected.value = next;
                    }}
                    onForWhom={(path, recipient) => {
                      decisions.decide([path], recipient);
                      answered.value = path;
                    }}
                    onEdit={() => edit(bought.path)}
                    onRemove={() => remove.run(bought)}
                  >
                    {bought === changed && answer}
                  </PurchaseRow>
                )}
              </li>
            ))}
          </ul>
        )}
      </Limited>
    </>
  );
}
