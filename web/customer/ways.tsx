import { useSignal } from "@preact/signals";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { day } from "../parts/dates.ts";
import { ErrorState } from "../parts/error-state.tsx";
import { Notice } from "../parts/notice.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import { say } from "../parts/status.tsx";
import type { StoreView, WayView } from "../vault/vault.ts";
import { providerOf } from "./providers.ts";
import { Question } from "./question.tsx";
import { useVault } from "./vault-context.ts";

function baseName(way: WayView): string {
  const t = words().safety;
  if (way.kind === "kit") return t.kitWay;
  if (way.kind === "device") return way.here ? t.device : t.deviceElsewhere;
  return providerOf(way.aaguid) ?? t.passkey;
}

/** What a way in is called; those that would be called the same are numbered. */
export function wayName(way: WayView, all: readonly WayView[]): string {
  const name = baseName(way);
  const same = all.filter((each) => baseName(each) === name);
  return same.length < 2 ? name : `${name} ${same.findIndex((each) => each.id === way.id) + 1}`;
}

export function wayDates(way: WayView): string {
  const { tag, safety: t } = words();
  return [way.created && t.made(day(tag, way.created)), way.lastUsed && t.used(day(tag, way.lastUsed))].filter(Boolean).join(", ");
}

/** Passkeys and this browser's own key, a card each. The kit has its own place. */
export function Ways({ store }: { store: StoreView }) {
  const vault = useVault();
  const { safety: t, state } = words();
  const dropping = useSignal<WayView | undefined>(undefined);
  const add = useAction(async () => {
    await vault.addPasskey();
    say(t.added);
  });
  const cards = store.ways.filter((way) => way.kind !== "kit");
  const openers = store.ways.filter((way) => way.opens);
  return (
    <section aria-labelledby="ways-title">
      <h2 id="ways-title">{t.ways}</h2>
      {cards.filter((way) => way.kind === "passkey").length < 2 && (
        <Notice tone="brass">
          <p>{t.onlyOne}</p>
        </Notice>
      )}
      <ul class="ways">
        {cards.map((way) => (
          <li key={way.id}>
            <h3>
              {wayName(way, cards)} {way.kind === "passkey" && way.here && <span class="opt">({t.thisDevice})</span>}
            </h3>
            {wayDates(way) && <p class="note">{wayDates(way)}</p>}
            <p>{way.opens ? t.opens : t.opensNot}</p>
            {way.kind === "device" && <p class="note">{t.deviceNote}</p>}
            {way.synced !== null && <p class="note">{way.synced ? t.synced : t.notSynced}</p>}
            {way.opens && openers.length === 1 ? (
              <p class="note">{t.lastOne}</p>
            ) : (
              <button
                type="button"
                class="text-btn stop"
                aria-label={t.removeName(wayName(way, cards))}
                onClick={() => {
                  dropping.value = way;
                }}
              >
                {t.remove}
              </button>
            )}
          </li>
        ))}
      </ul>
      <button type="button" class="btn" onClick={add.run}>
        {t.add}
      </button>
      <PasskeyNote text={t.addNote} pending={add.pending.value} />
      <ErrorState error={add.error.value} safe={state.safe} />
      {dropping.value && (
        <DropDialog
          way={dropping.value}
          name={wayName(dropping.value, cards)}
          onClose={() => {
            dropping.value = undefined;
          }}
        />
      )}
    </section>
  );
}

function DropDialog({ way, name, onClose }: { way: WayView; name: string; onClose: () => void }) {
  const vault = useVault();
  const { safety: t, handshake } = words();
  const drop = useAction(async () => {
    await vault.dropWay(way.id);
    say(t.removed);
    onClose();
  });
  return (
    <Question
      title={t.removeQuestion(name)}
      text={t.removeText}
      keep={t.removeKeep}
      yes={t.removeYes}
      error={drop.error.value}
      onYes={drop.run}
      onClose={onClose}
    >
      <PasskeyNote text={handshake.use} pending={drop.pending.value} />
    </Question>
  );
}
