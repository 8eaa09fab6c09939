import { useSignal } from "@preact/signals";
import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { day } from "../../parts/dates.ts";
import { Heading } from "../../parts/heading.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { Question } from "../question.tsx";
import { useVault } from "../vault-context.ts";

type When = "now" | "later";

export function Erase() {
  const t = words().erase;
  const done = useSignal(false);
  if (done.value)
    return (
      <div class="narrow">
        <Heading key="done">{t.doneTitle}</Heading>
        <p class="lead">{t.doneText}</p>
        <p>{t.donePasskey}</p>
        <div class="row-of-buttons">
          <a class="btn" href="/">
            {t.doneAction}
          </a>
        </div>
      </div>
    );
  const onDone = () => {
    done.value = true;
  };
  return (
    <Opened title={t.title} locked={<Consequences store={undefined} onDone={onDone} />}>
      {(store) => <Consequences store={store} onDone={onDone} />}
    </Opened>
  );
}

/** @param store undefined while it is locked: then the shops have no names, and it can be deleted all the same */
function Consequences({ store, onDone }: { store: StoreView | undefined; onDone: () => void }) {
  const vault = useVault();
  const t = words().erase;
  const shops = [...new Set((store?.connections ?? []).filter(({ state }) => !isEnded(state)).map(({ client }) => client.client_name))];
  const running = vault.outline.value.filter(({ state }) => !isEnded(state)).length;
  return (
    <div class="narrow">
      <p class="lead">{t.lead}</p>
      <h2>{t.stops}</h2>
      {store === undefined ? <p>{t.stopsCount(running)}</p> : <p>{shops.length === 0 ? t.stopsNone : t.stopsText(shops.length)}</p>}
      {shops.length > 0 && (
        <ul class="points">
          {shops.map((name) => (
            <li key={name}>
              <bdi>{name}</bdi>
            </li>
          ))}
        </ul>
      )}
      <p>{t.stopsStore}</p>
      <h2>{t.stays}</h2>
      <ul class="points">
        {[t.staysShops, t.staysBackups, t.staysFiles].map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
      {store && (
        <a class="btn" href="/you/export">
          {t.export}
        </a>
      )}
      <Decision
        readers={store === undefined ? running : shops.length}
        named={store !== undefined}
        erasing={store?.erasing ?? null}
        onDone={onDone}
      />
    </div>
  );
}

function Decision(props: { readers: number; named: boolean; erasing: string | null; onDone: () => void }) {
  const { readers, named, erasing, onDone } = props;
  const vault = useVault();
  const { tag, erase: t, handshake } = words();
  const chosen = useSignal<When>("later");
  const ask = useSignal(true);
  const asking = useSignal(false);
  const when = erasing === null ? chosen.value : "now";
  const close = () => {
    asking.value = false;
  };
  const erase = useAction(async () => {
    const { at } = await vault.erase({ when, askDeletion: readers > 0 && ask.value });
    close();
    if (when === "now") onDone();
    else say(t.laterDone(day(tag, at)));
  });
  const texts = { later: [t.later, t.laterText], now: [t.now, t.nowText] } as const;
  return (
    <section class="apart">
      {erasing === null ? (
        <fieldset class="field">
          <legend>{t.when}</legend>
          <div>
            {(["later", "now"] as const).map((each) => (
              <label class="choice" key={each}>
                <input
                  type="radio"
                  name="when"
                  checked={chosen.value === each}
                  onChange={() => {
                    chosen.value = each;
                  }}
                />
                <span>
                  {texts[each][0]} <span class="opt">{texts[each][1]}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      ) : (
        <p>{t.laterDone(day(tag, erasing))}</p>
      )}
      {readers > 0 && (
        <label class="choice">
          <input
            type="checkbox"
            checked={ask.value}
            onChange={(event) => {
              ask.value = event.currentTarget.checked;
            }}
          />
          {named ? t.ask : t.askUnknown}
        </label>
      )}
      <div class="row-of-buttons">
        <button
          type="button"
          class="btn stop"
          onClick={() => {
            erase.clear();
            asking.value = true;
          }}
        >
          {erasing === null ? t.button : t.nowInstead}
        </button>
      </div>
      {asking.value && (
        <Question
          title={when === "now" ? t.questionNow : t.questionLater}
          text={when === "now" ? t.textNow : t.textLater}
          keep={t.keep}
          yes={when === "now" ? t.yesNow : t.yesLater}
          error={erase.error.value}
          onYes={erase.run}
          onClose={close}
        >
          <PasskeyNote text={handshake.use} pending={erase.pending.value} />
        </Question>
      )}
    </section>
  );
}
