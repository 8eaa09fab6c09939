import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { day } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import type { RequestViewModel } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";
import { useSettled } from "./settled.ts";

/** How long a no holds (LIMITS.refusal), apart from the shapes of the whole interface that it stands among. */
const REFUSAL = 30 * 86_400_000;

/** The customer said no to this shop (C10): one way back, and a quiet one for a change of mind. */
export function Refused({ request, onReopened, onDecline }: { request: RequestViewModel; onReopened: () => void; onDecline: () => void }) {
  const vault = useVault();
  const { tag, ask } = words();
  const t = ask.refused;
  const settled = useSettled();
  const until = Date.parse(request.refusedUntil ?? "");
  const reopen = useAction(async () => {
    await vault.reopen(request.id);
    onReopened();
  });
  return (
    <section class="group" data-rule="C10">
      <div class="notice plain">
        <p>{t.text(day(tag, until - REFUSAL), day(tag, until))}</p>
      </div>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => settled() && onDecline()}>
          {t.back}
        </button>
        <button
          type="button"
          class="text-btn"
          aria-disabled={!vault.online.value || undefined}
          onClick={() => settled() && vault.online.value && reopen.run()}
        >
          {vault.online.value ? t.reopen : t.reopenOffline}
        </button>
      </div>
      <p class="note">{t.reopenNote}</p>
      <ErrorState error={reopen.error.value} safe={words().state.safe} />
    </section>
  );
}

/** It would change a connection that has ended, or that is another store's: there is one answer. */
export function NoConnection({ onDecline }: { onDecline: () => void }) {
  const { ask } = words();
  const settled = useSettled();
  return (
    <section class="group" data-rule="C12">
      <div class="notice plain">
        <strong>{ask.change.missingTitle}</strong>
        <p>{ask.change.missingText}</p>
      </div>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => settled() && onDecline()}>
          {ask.refused.back}
        </button>
      </div>
    </section>
  );
}
