import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import lazy, { ErrorBoundary } from "preact-iso/lazy";
import type { VendorCard } from "#protocol/data/private.ts";
import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import { UndoLine } from "../../parts/undo-line.tsx";
import { wordAt } from "../../parts/word-at.ts";
import type { StoreView, VendorView } from "../../vault/vault.ts";
import { ConnectionActions } from "../connection-actions.tsx";
import { valueParts } from "../values.ts";
import { BlockDialog } from "./block-dialog.tsx";
import { unblocked, useCards } from "./cards.ts";

// The forms come with the schemas: only when one is opened.
const NotLoaded = () => (
  <p class="err" role="alert">
    {words().state.notLoaded}
  </p>
);
const CardForm = lazy(() =>
  import("./card-form.tsx").then(
    (it) => it.CardForm,
    () => NotLoaded,
  ),
);
const ReachForm = lazy(() =>
  import("./reach-form.tsx").then(
    (it) => it.ReachForm,
    () => NotLoaded,
  ),
);

/** The shop in the customer's own words: how they see it, number, notes, and how it may reach them. */
export function ShopCard({ store, vendor }: { store: StoreView; vendor: VendorView }) {
  const { vendors: t, options, field } = words();
  const editing = useSignal<"card" | "reach" | undefined>(undefined);
  const asking = useSignal<VendorCard | undefined>(undefined);
  const opener = useRef<HTMLElement | null>(null);
  const cards = useCards(() => {
    editing.value = undefined;
    asking.value = undefined;
  });
  const { card, name } = vendor;
  const running = store.connections.filter((each) => each.relationship === vendor.relationship && !isEnded(each.state));
  const edit = (which: "card" | "reach" | undefined) => {
    if (which !== undefined) opener.current = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    editing.value = which;
    if (which === undefined) requestAnimationFrame(() => opener.current?.focus());
  };
  const save = (next: VendorCard) => {
    if (next.view === "blocked" && card.view !== "blocked" && running.length > 0) asking.value = next;
    else cards.save.run(vendor, next, next.view === "blocked" && card.view !== "blocked" ? t.blockedDone(name) : t.saved);
  };
  const closed = () => {
    asking.value = undefined;
  };
  const form = { store, vendor, pending: cards.save.pending.value, error: asking.value ? undefined : cards.save.error.value };
  const last = cards.last.value;
  return (
    <section class="no-print">
      <h2>{t.card}</h2>
      {card.view === "blocked" && (
        <Notice tone="brass">
          <p>{t.blocked(name)}</p>
          {running.length > 0 && <p>{t.blockedReads}</p>}
          <div class="choices">
            <button type="button" class="text-btn" onClick={() => cards.save.run(vendor, unblocked(card), t.unblockedDone(name))}>
              {t.unblock}
            </button>
            {running.map((each) => (
              <ConnectionActions key={each.grant} grant={each.grant} state={each.state} name={name} />
            ))}
          </div>
        </Notice>
      )}
      {last && <UndoLine text={last.said} undo={t.undo} onUndo={cards.undo.run} />}
      <ErrorBoundary>
        <div class="panel shop-card">
          {editing.value === "card" ? (
            <CardForm {...form} onSave={save} onCancel={() => edit(undefined)} />
          ) : (
            <>
              <p class="note">{t.cardNote}</p>
              <dl class="facts">
                <dt>{t.view}</dt>
                <dd>{card.view === undefined ? t.notSaid : wordAt(options, `view.${card.view}`, card.view)}</dd>
                <dt>{t.customerNumber}</dt>
                <dd>{card.customerNumber === undefined ? t.notSaid : <bdi>{card.customerNumber}</bdi>}</dd>
                <dt>{t.notes}</dt>
                <dd class="written">{card.notes === undefined ? t.nothingWritten : <bdi>{card.notes}</bdi>}</dd>
              </dl>
              <div class="choices">
                <button type="button" class="text-btn" onClick={() => edit("card")}>
                  {t.change}
                </button>
                {card.view !== "blocked" && (
                  <button
                    type="button"
                    class="text-btn stop"
                    aria-label={t.blockName(name)}
                    onClick={() => save({ ...card, view: "blocked" })}
                  >
                    {t.block}
                  </button>
                )}
              </div>
            </>
          )}
        </div>
        <h3>{t.reach}</h3>
        {editing.value === "reach" ? (
          <ReachForm {...form} onSave={save} onCancel={() => edit(undefined)} />
        ) : (
          <>
            {card.contact === undefined ? (
              <p>{t.reachUsual}</p>
            ) : (
              <ul>
                {valueParts(card.contact)
                  .filter((each) => each !== field.rule.rest)
                  .map((each) => (
                    <li key={each}>{each}</li>
                  ))}
                <li>{t.reachRest}</li>
              </ul>
            )}
            <div class="choices">
              <button type="button" class="text-btn" onClick={() => edit("reach")}>
                {t.reachChange}
              </button>
            </div>
          </>
        )}
      </ErrorBoundary>
      {editing.value === undefined && asking.value === undefined && <ErrorState error={cards.save.error.value ?? cards.undo.error.value} />}
      {asking.value && (
        <BlockDialog
          vendor={vendor}
          card={asking.value}
          running={running}
          error={cards.save.error.value}
          onBlock={() => asking.value && cards.save.run(vendor, asking.value, t.blockedDone(name))}
          onClose={closed}
        />
      )}
    </section>
  );
}
