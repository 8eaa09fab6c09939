import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { say } from "../../parts/status.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { KitMaker } from "../kit-maker.tsx";
import { Opened } from "../opened.tsx";
import { Question } from "../question.tsx";
import { useVault } from "../vault-context.ts";
import { appVersion } from "../version.ts";
import { Ways } from "../ways.tsx";

export function Safety() {
  const t = words().safety;
  return (
    <Opened title={t.title} locked={<PauseAll />}>
      {(store) => (
        <>
          <Kit store={store} />
          <Ways store={store} />
          <App store={store} />
          <PauseAll />
        </>
      )}
    </Opened>
  );
}

/** Only a request's own address: nowhere else leads this way. */
const asRequest = (then: string | undefined): string | undefined =>
  then !== undefined && /^\/ask\/[A-Za-z0-9_-]+$/.test(then) ? then : undefined;

function Kit({ store }: { store: StoreView }) {
  const t = words().safety;
  const then = asRequest(useLocation().query.then);
  return (
    <section class="panel" id="kit" aria-labelledby="kit-title">
      <h2 id="kit-title" tabIndex={-1}>
        {t.kit}
      </h2>
      <KitMaker store={store} onDone={() => document.getElementById("kit-title")?.focus()} />
      {then !== undefined && store.kit.confirmed && (
        <div class="row-of-buttons">
          <a class="btn" href={then}>
            {t.backToRequest}
          </a>
        </div>
      )}
    </section>
  );
}

function App({ store }: { store: StoreView }) {
  const t = words().safety;
  const version = useSignal<string | undefined>(undefined);
  useEffect(() => {
    void appVersion(document).then((found) => {
      version.value = found;
    });
  }, [version]);
  return (
    <section class="panel" aria-labelledby="app-title">
      <h2 id="app-title">{t.app}</h2>
      <p>{version.value === undefined ? t.appUnknown : <span class="mono">{t.appVersion(version.value)}</span>}</p>
      {version.value !== undefined && <p class="note">{t.appVersionNote}</p>}
      <p>
        <span class="mono">{t.head(store.head.seq)}</span> · <span class="mono">{t.headCode(store.head.code)}</span>
      </p>
      <p class="note">{t.headNote}</p>
      <p class="note">{t.appHonest}</p>
    </section>
  );
}

/** Needs no key and no passkey: fewer rights are always safe. */
function PauseAll() {
  const vault = useVault();
  const t = words().safety;
  const asking = useSignal(false);
  const pause = useAction(async () => {
    const { paused } = await vault.pauseAll();
    asking.value = false;
    say(t.pausedAll(paused));
  });
  const close = () => {
    asking.value = false;
  };
  return (
    <section class="apart" data-rule="D6">
      <h2>{t.pauseAll}</h2>
      <p class="note">{t.pauseAllText}</p>
      <div class="row-of-buttons">
        <button
          type="button"
          class="btn stop"
          onClick={() => {
            asking.value = true;
          }}
        >
          {t.pauseAll}
        </button>
      </div>
      {asking.value && (
        <Question
          title={t.pauseAllQuestion}
          text={t.pauseAllText}
          keep={words().stop.keep}
          yes={t.pauseAll}
          error={pause.error.value}
          onYes={pause.run}
          onClose={close}
        />
      )}
    </section>
  );
}
