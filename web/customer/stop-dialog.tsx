import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { Dialog } from "../parts/dialog.tsx";
import { ErrorState } from "../parts/error-state.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import { say } from "../parts/status.tsx";
import { useVault } from "./vault-context.ts";

/** One question, then one passkey. Reading is paused at the click; the passkey signs the end. */
export function StopDialog({ grant, name, onClose }: { grant: string; name: string; onClose: () => void }) {
  const vault = useVault();
  const { stop: t } = words();
  const stop = useAction(async (askDeletion: boolean) => {
    await vault.stop(grant, { askDeletion });
    say(t.done(name));
    onClose();
  });
  return (
    <Dialog title={t.question(name)} onClose={onClose}>
      <div data-rule="D4">
        <p>{t.consequences(name)}</p>
        <div class="pair decide">
          <button type="button" class="btn" data-first onClick={onClose}>
            {t.keep}
          </button>
          <button type="button" class="btn stop" onClick={() => stop.run(true)}>
            {t.stopAndAsk}
          </button>
        </div>
        <button type="button" class="text-btn stop" onClick={() => stop.run(false)}>
          {t.stopOnly}
        </button>
        <PasskeyNote text={t.handshake} pending={stop.pending.value} />
        <ErrorState error={stop.error.value} safe={vault.online.value ? t.halfDone : undefined} />
      </div>
    </Dialog>
  );
}
