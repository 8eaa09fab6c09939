import { words } from "../../locales/words.ts";
import { reasonOf } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useVault } from "../vault-context.ts";
import { decisionsOf } from "./decisions.ts";

/** Says what is decided and couldn't be saved, and why. Nothing while all goes well. */
export function Unsaved() {
  const vault = useVault();
  const { purchases: t, state } = words();
  const decisions = decisionsOf(vault);
  const count = decisions.waiting.value.size;
  const fault = decisions.fault.value;
  const online = vault.online.value;
  if (count === 0 || (online && fault === undefined)) return null;
  return (
    <div class="group">
      <Notice tone="brass" title={t.unsaved(count)} alert>
        <p>{t.unsavedWhy(online ? reasonOf(fault) : words().errors.offline)}</p>
        {online && (
          <button type="button" class="text-btn" onClick={decisions.flush}>
            {decisions.saving.value ? t.savingAnswers : state.retry}
          </button>
        )}
      </Notice>
    </div>
  );
}
