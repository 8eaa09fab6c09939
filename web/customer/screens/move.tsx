import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { moment } from "../../parts/dates.ts";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import type { OfferedMove, StoreView } from "../../vault/vault.ts";
import { AddressField } from "../address-field.tsx";
import { Opened } from "../opened.tsx";
import { otherOrigin } from "../origin-of.ts";
import { Question } from "../question.tsx";
import { useVault } from "../vault-context.ts";

export function Move() {
  const t = words().move;
  return <Opened title={t.title}>{(store) => <Leaving store={store} />}</Opened>;
}

function Leaving({ store }: { store: StoreView }) {
  const t = words().move;
  const offered = useSignal<OfferedMove | undefined>(undefined);
  if (store.moving !== null)
    return offered.value === undefined ? (
      <p class="lead">{t.lost}</p>
    ) : (
      <Waiting offered={offered.value} host={new URL(store.moving.to).host} />
    );
  return (
    <div class="narrow">
      <p class="lead">{t.lead}</p>
      <h2>{t.what}</h2>
      <ol class="points">
        {t.points.map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ol>
      <p>{t.stays}</p>
      {store.kit.confirmed ? (
        <Where
          onOffered={(made) => {
            offered.value = made;
          }}
        />
      ) : (
        <section class="apart">
          <p>{t.kit}</p>
          <div class="row-of-buttons">
            <a class="btn" href="/safety#kit">
              {t.kitAction}
            </a>
          </div>
        </section>
      )}
    </div>
  );
}

function Where({ onOffered }: { onOffered: (offered: OfferedMove) => void }) {
  const vault = useVault();
  const { move: t, handshake } = words();
  const address = useSignal("");
  const wrong = useSignal(false);
  const asking = useSignal<string | undefined>(undefined);
  const close = () => {
    asking.value = undefined;
  };
  const move = useAction(async (to: string) => {
    onOffered(await vault.move(to));
    close();
  });
  return (
    <form
      noValidate
      class="apart"
      onSubmit={(event) => {
        event.preventDefault();
        const to = otherOrigin(address.value);
        wrong.value = to === undefined;
        move.clear();
        if (to === undefined) event.currentTarget.querySelector("input")?.focus();
        else asking.value = to;
      }}
    >
      <AddressField label={t.address} hint={t.addressHint} value={address} fault={wrong.value ? t.addressWrong : undefined} />
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {t.button}
        </button>
      </div>
      {asking.value !== undefined && (
        <Question
          title={t.question(new URL(asking.value).host)}
          text={t.text}
          keep={t.keep}
          yes={t.yes}
          error={move.error.value}
          onYes={() => asking.value !== undefined && move.run(asking.value)}
          onClose={close}
        >
          <PasskeyNote text={handshake.use} pending={move.pending.value} />
        </Question>
      )}
    </form>
  );
}

function Waiting({ offered, host }: { offered: OfferedMove; host: string }) {
  const { tag, move: t } = words();
  return (
    <section class="panel narrow">
      <h2 tabIndex={-1} ref={(title) => title?.focus()}>
        {t.waiting(host)}
      </h2>
      <p>{t.waitingText(moment(tag, offered.until))}</p>
      <p class="mono long">{offered.link}</p>
      <div class="row-of-buttons">
        <a class="btn" href={offered.link} target="_blank" rel="noopener noreferrer">
          {t.open}
        </a>
        <CopyButton text={offered.link} />
      </div>
    </section>
  );
}
