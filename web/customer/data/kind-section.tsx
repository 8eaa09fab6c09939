import { useSignal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import type { Kind } from "#protocol/kind.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Limited } from "../../parts/limited.tsx";
import { say } from "../../parts/status.tsx";
import { UndoLine } from "../../parts/undo-line.tsx";
import type { RecordView, StoreView } from "../../vault/vault.ts";
import { groupTitle, kindWord } from "../labels.ts";
import { useVault } from "../vault-context.ts";
import { focusRow, pointedPath } from "./focus-row.ts";
import { type Order, ordersOf, useFound } from "./found.ts";
import { bringForm, LateForm } from "./late-form.tsx";
import { RecordRow } from "./record-row.tsx";
import { importOf, recordsOf } from "./records.ts";

interface Props {
  kind: Kind;
  store: StoreView;
  /** The only kind of its page, whose title says what it is. */
  alone: boolean;
  query: string;
}

/** All records of a kind: to see, find, add, change and remove. */
export function KindSection({ kind, store, alone, query }: Props) {
  const vault = useVault();
  const { data: t } = words();
  const orders = ordersOf(kind.path);
  const order = useSignal<Order>(orders[0] ?? "name");
  const editing = useSignal<RecordView | "new" | undefined>(undefined);
  const removed = useSignal<{ record: RecordView; at: number } | undefined>(undefined);
  const adder = useRef<HTMLButtonElement>(null);
  const all = recordsOf(store.records, kind.path);
  const matching = useFound(all, query, kind.many ? order.value : undefined);
  const pointed = useMemo(pointedPath, []);
  const pointedAt = matching.findIndex(({ path }) => path === pointed);
  // Beforehand, so that a form is there offline too.
  useEffect(bringForm, []);
  useEffect(() => {
    if (pointed !== undefined && pointedAt >= 0) focusRow(pointed, true);
  }, []);

  const remove = useAction(async (record: RecordView) => {
    removed.value = undefined;
    const at = matching.indexOf(record);
    await vault.remove(record.path);
    removed.value = { record, at };
  });
  const undo = useAction(async ({ path, value }: RecordView) => {
    await vault.save({ path, value });
    removed.value = undefined;
    say(t.undone);
    focusRow(path);
  });
  const readersOf = (path: string): number =>
    new Set(vault.store.value?.records.find((each) => each.path === path)?.sharedWith.map(({ grant }) => grant)).size;
  const close = () => {
    const was = editing.value;
    editing.value = undefined;
    if (was === "new" || was === undefined || !kind.many) requestAnimationFrame(() => (adder.current ?? rowOf(kind.path))?.focus());
    else focusRow(was.path);
  };
  const saved = (path: string) => {
    const readers = readersOf(path);
    say(readers === 0 ? t.saved : t.savedShared(readers));
    close();
  };
  const form = (path: string, value: unknown) => (
    <LateForm kind={kind} path={path} value={value} onSaved={() => saved(path)} onCancel={close} />
  );

  const open = editing.value;
  const rowsOf = (shown: readonly RecordView[]): Array<RecordView | undefined> => {
    const rows: Array<RecordView | undefined> = [...shown];
    // The form stays where another device has removed its record, or the search no longer finds it.
    if (open !== undefined && open !== "new" && shown.every(({ path }) => path !== open.path)) rows.push(open);
    // Undone where it was done: the eye and the keyboard are there.
    if (removed.value) rows.splice(Math.max(0, removed.value.at), 0, undefined);
    return rows;
  };
  return (
    <section class="group">
      {alone ? null : <h2>{groupTitle(kind.path)}</h2>}
      {all.length > FEW && kind.many && <OrderField orders={orders} order={order.value} onChange={(next) => (order.value = next)} />}
      <Limited
        items={matching}
        first={STEP * Math.max(1, Math.ceil((pointedAt + 1) / STEP))}
        step={STEP}
        more={() => t.more}
        note={t.shown}
      >
        {(shown) => (
          <ul class="records">
            {rowsOf(shown).map((record) =>
              record === undefined ? (
                <li key="undo">
                  <UndoLine
                    text={t.removed(kindWord(kind.path))}
                    undo={t.undo}
                    onUndo={() => removed.value && undo.run(removed.value.record)}
                  />
                </li>
              ) : (
                <li key={record.path} id={record.path} data-row tabIndex={-1}>
                  {open !== undefined && open !== "new" && open.path === record.path ? (
                    form(open.path, open.value)
                  ) : (
                    <RecordRow
                      record={record}
                      from={importOf(store.records, record)}
                      onEdit={(each) => {
                        editing.value = each;
                      }}
                      onRemove={remove.run}
                    />
                  )}
                </li>
              ),
            )}
          </ul>
        )}
      </Limited>
      {query !== "" && matching.length === 0 && all.length > 0 && <p class="note">{t.notFound}</p>}
      <ErrorState error={remove.error.value ?? undo.error.value} />
      {open === "new"
        ? form(kind.path, null)
        : (kind.many || all.length === 0) &&
          open === undefined && (
            <button
              ref={adder}
              type="button"
              class="text-btn"
              onClick={() => {
                editing.value = "new";
              }}
            >
              {t.add(kindWord(kind.path))}
            </button>
          )}
    </section>
  );
}

const STEP = 50;

/** What one sees at a glance needs no order. */
const FEW = 3;

const rowOf = (path: string): HTMLElement | null => document.getElementById(path)?.querySelector<HTMLElement>("[data-edit]") ?? null;

function OrderField({ orders, order, onChange }: { orders: readonly Order[]; order: Order; onChange: (order: Order) => void }) {
  const { data: t } = words();
  const id = useId();
  return (
    <p class="order">
      <label for={id}>{t.sort}</label>{" "}
      <select id={id} value={order} onChange={(event) => onChange(orders.find((each) => each === event.currentTarget.value) ?? order)}>
        {orders.map((each) => (
          <option key={each} value={each}>
            {t.orders[each]}
          </option>
        ))}
      </select>
    </p>
  );
}
