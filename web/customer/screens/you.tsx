import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { day } from "../../parts/dates.ts";
import { Heading } from "../../parts/heading.tsx";
import { say } from "../../parts/status.tsx";
import { hasGpc } from "../gpc.ts";
import { Question } from "../question.tsx";
import { applyTheme, THEMES, theme } from "../theme.ts";
import { useVault } from "../vault-context.ts";

export function You() {
  const vault = useVault();
  const { tag, you: t } = words();
  const store = vault.store.value;
  return (
    <div class="narrow">
      <Heading>{t.title}</Heading>
      {store && <p class="lead">{t.since(day(tag, store.created))}</p>}
      <fieldset class="group">
        <legend>{t.theme}</legend>
        {THEMES.map((each) => (
          <label class="choice" key={each}>
            <input type="radio" name="theme" checked={theme.value === each} onChange={() => applyTheme(each)} />
            {t.themes[each]}
          </label>
        ))}
      </fieldset>
      <h2>{t.language}</h2>
      <p class="note">{t.languageText}</p>
      <h2>{t.gpc}</h2>
      <p class="note" data-rule="gpc">
        {hasGpc() ? t.gpcOn : t.gpcOff}
      </p>
      {vault.state.value === "unlocked" && (
        <section>
          <h2>{t.takeOut}</h2>
          <p class="note">{t.takeOutText}</p>
          <div class="row-of-buttons">
            <a class="btn" href="/you/export">
              {t.takeOut}
            </a>
            <a class="text-btn" href="/restore">
              {t.bringBack}
            </a>
          </div>
        </section>
      )}
      {vault.state.value === "unlocked" && (
        <section>
          <h2>{t.move}</h2>
          <p class="note">{t.moveText}</p>
          <div class="row-of-buttons">
            <a class="btn" href="/you/move">
              {t.move}
            </a>
          </div>
        </section>
      )}
      {vault.state.value === "unlocked" && (
        <section>
          <h2>{t.lock}</h2>
          <p class="note">{t.lockText}</p>
          <div class="row-of-buttons">
            <button type="button" class="btn" onClick={() => vault.lock()}>
              {t.lock}
            </button>
          </div>
        </section>
      )}
      {(vault.state.value === "unlocked" || vault.state.value === "locked") && (
        <>
          <SignOut />
          <section>
            <h2>{t.erase}</h2>
            <p class="note">{t.eraseText}</p>
            <div class="row-of-buttons">
              <a class="btn stop" href="/you/erase">
                {t.erase}
              </a>
            </div>
          </section>
        </>
      )}
    </div>
  );
}

function SignOut() {
  const vault = useVault();
  const t = words().you;
  const asking = useSignal(false);
  const close = () => {
    asking.value = false;
  };
  const leave = useAction(async () => {
    await vault.signOut();
    close();
    say(t.signedOut);
  });
  return (
    <section class="apart">
      <h2>{t.signOut}</h2>
      <p class="note">{t.signOutText}</p>
      <div class="row-of-buttons">
        <button
          type="button"
          class="btn stop"
          onClick={() => {
            asking.value = true;
          }}
        >
          {t.signOut}
        </button>
      </div>
      {asking.value && (
        <Question
          title={t.signOutQuestion}
          text={t.signOutText}
          keep={t.signOutKeep}
          yes={t.signOut}
          error={leave.error.value}
          onYes={leave.run}
          onClose={close}
        />
      )}
    </section>
  );
}
