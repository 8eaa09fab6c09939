import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorState } from "../../parts/error-state.tsx";
import { Heading } from "../../parts/heading.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useVault } from "../vault-context.ts";

/** The secret is in the fragment, which no server and no referrer sees; it doesn't stay in the address either. */
function takeFragment(): string {
  const fragment = location.hash.slice(1);
  history.replaceState(history.state, "", location.pathname);
  return fragment;
}

export function Pause() {
  const vault = useVault();
  const { pause: t } = words();
  const fragment = useMemo(takeFragment, []);
  const asking = useSignal(false);
  const done = useSignal<string | undefined>(undefined);
  const close = () => {
    asking.value = false;
  };
  const pause = useAction(async () => {
    done.value = (await vault.pauseByLink(fragment)).name;
    close();
  });
  return (
    <div class="narrow" data-rule="D5">
      <Heading>{t.title}</Heading>
      {done.value !== undefined ? (
        <Notice tone="plain" alert title={t.done(done.value)}>
          <p>{t.after}</p>
        </Notice>
      ) : fragment === "" ? (
        <p class="lead">{t.missing}</p>
      ) : (
        <>
          <p class="lead">{t.text}</p>
          <button
            type="button"
            class="btn stop"
            onClick={() => {
              asking.value = true;
            }}
          >
            {t.button}
          </button>
        </>
      )}
      {asking.value && (
        <Dialog title={t.question} onClose={close}>
          <p>{t.confirmText}</p>
          <div class="pair decide">
            <button type="button" class="btn" data-first onClick={close}>
              {words().stop.keep}
            </button>
            <button type="button" class="btn stop" onClick={pause.run}>
              {pause.pending.value ? t.working : t.button}
            </button>
          </div>
          <ErrorState error={pause.error.value} safe={pause.error.value === undefined ? undefined : t.spent} />
        </Dialog>
      )}
    </div>
  );
}
