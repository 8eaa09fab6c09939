import { useSignal } from "@preact/signals";
import type { VendorCard } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorState } from "../../parts/error-state.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import type { ConnectionView, VendorView } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";

interface Props {
  vendor: VendorView;
  /** With the view `blocked`. */
  card: VendorCard;
  /** Its running connections. */
  running: readonly ConnectionView[];
  /** Block only. */
  onBlock: () => void;
  error: unknown;
  onClose: () => void;
}

/** Blocking a shop that reads: one question, since whoever blocks mostly wants the reading to end too, and that takes the passkey. */
export function BlockDialog({ vendor, card, running, onBlock, error, onClose }: Props) {
  const vault = useVault();
  const { vendors: t } = words();
  const askDeletion = useSignal(false);
  const isBlocked = useSignal(false);
  const both = useAction(async () => {
    if (!isBlocked.value) await vault.saveCard({ relationship: vendor.relationship }, card);
    isBlocked.value = true;
    for (const { grant } of running) await vault.stop(grant, { askDeletion: askDeletion.value });
    say(t.blockedAndStopped(vendor.name));
    onClose();
  });
  return (
    <Dialog title={t.blockQuestion(vendor.name)} onClose={onClose}>
      <p>{t.blockText(vendor.name, running.length)}</p>
      <label class="choice">
        <input
          type="checkbox"
          checked={askDeletion.value}
          onChange={(event) => {
            askDeletion.value = event.currentTarget.checked;
          }}
        />
        {t.blockAskDeletion}
      </label>
      <div class="pair decide">
        <button type="button" class="btn" data-first onClick={onClose}>
          {isBlocked.value ? t.blockLeave : t.blockKeep}
        </button>
        <button type="button" class="btn stop" onClick={both.run}>
          {isBlocked.value ? t.blockStopNow : t.blockAndStop}
        </button>
      </div>
      {!isBlocked.value && (
        <button type="button" class="text-btn stop" onClick={onBlock}>
          {t.blockOnly}
        </button>
      )}
      <PasskeyNote text={t.blockHandshake(running.length)} pending={both.pending.value} />
      <ErrorState error={both.error.value ?? error} safe={isBlocked.value && vault.online.value ? t.blockHalfDone : undefined} />
    </Dialog>
  );
}
