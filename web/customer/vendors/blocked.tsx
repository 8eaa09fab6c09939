import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Limited } from "../../parts/limited.tsx";
import { UndoLine } from "../../parts/undo-line.tsx";
import type { StoreView, VendorView } from "../../vault/vault.ts";
import { type Cards, unblocked, useCards } from "./cards.ts";

const AT_FIRST = 20;

/** Blocked shops, those too that never had a connection; and shops with a card but nothing else, so that a card is never lost from sight. */
export function Blocked({ store }: { store: StoreView }) {
  const { vendors: t } = words();
  const cards = useCards();
  // A shop that was changed a moment ago keeps its place, for the way back.
  const last = cards.last.value?.vendor;
  const all = store.vendors
    .map((each) => (each.relationship === last?.relationship ? last : each))
    .sort((a, b) => a.name.localeCompare(b.name));
  const blocked = all.filter((each) => each.card.view === "blocked");
  const others = all.filter((each) => each.card.view !== "blocked" && each.grants.length === 0);
  return (
    <>
      {blocked.length > 0 && (
        <section class="group">
          <h2>{t.blockedTitle}</h2>
          <p class="note">{t.blockedNote}</p>
          <Shops store={store} vendors={blocked} cards={cards} />
        </section>
      )}
      {others.length > 0 && (
        <section class="group">
          <h2>{t.othersTitle}</h2>
          <Shops store={store} vendors={others} cards={cards} />
        </section>
      )}
      <ErrorState error={cards.save.error.value ?? cards.undo.error.value} />
    </>
  );
}

function Shops({ store, vendors, cards }: { store: StoreView; vendors: readonly VendorView[]; cards: Cards }) {
  const { vendors: t } = words();
  const last = cards.last.value;
  return (
    <Limited items={vendors} first={AT_FIRST} step={AT_FIRST} more={t.moreShops}>
      {(shown) => (
        <ul class="records">
          {shown.map((vendor) => (
            <li key={vendor.relationship} data-row>
              {last?.vendor.relationship === vendor.relationship ? (
                <UndoLine text={last.said} undo={t.undo} onUndo={cards.undo.run} />
              ) : (
                <Shop store={store} vendor={vendor} cards={cards} />
              )}
            </li>
          ))}
        </ul>
      )}
    </Limited>
  );
}

function Shop({ store, vendor, cards }: { store: StoreView; vendor: VendorView; cards: Cards }) {
  const { vendors: t } = words();
  const { name, card, client_id: address } = vendor;
  const own = store.connections.filter((each) => each.relationship === vendor.relationship);
  const [newest] = [...own].sort((a, b) => b.number - a.number);
  return (
    <>
      <h3>{newest === undefined ? name : <a href={`/c/${newest.grant}`}>{name}</a>}</h3>
      <p class="note">{address}</p>
      {own.some((each) => !isEnded(each.state)) && <p class="soon">{t.stillReads}</p>}
      {card.notes && (
        <p class="written">
          <bdi>{card.notes}</bdi>
        </p>
      )}
      {card.view === "blocked" ? (
        <button
          type="button"
          class="text-btn"
          aria-label={t.unblockName(name)}
          onClick={() => cards.save.run(vendor, unblocked(card), t.unblockedDone(name))}
        >
          {t.unblock}
        </button>
      ) : (
        <button
          type="button"
          class="text-btn stop"
          aria-label={t.blockName(name)}
          onClick={() => cards.save.run(vendor, { ...card, view: "blocked" }, t.blockedDone(name))}
        >
          {t.block}
        </button>
      )}
    </>
  );
}
