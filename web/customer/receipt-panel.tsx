import { useSignal } from "@preact/signals";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { CopyButton } from "../parts/copy-button.tsx";
import { ErrorState } from "../parts/error-state.tsx";
import { saveFile } from "../parts/save-file.ts";
import type { Receipt } from "../vault/vault.ts";
import { useVault } from "./vault-context.ts";

/** The receipt of a connection: to keep as a file, to print, and the link that can only pause. */
export function ReceiptPanel({ grant }: { grant: string }) {
  const vault = useVault();
  const { connection: t } = words();
  const receipt = useSignal<Receipt | undefined>(undefined);
  const show = useAction(async () => {
    receipt.value = await vault.receipt(grant);
  });
  const evidence = useAction(async () => {
    const { record, receipt: proof } = await vault.consentRecord(grant);
    saveFile(`counterfoil-${grant}.jsonld`, "application/ld+json", JSON.stringify([record, proof], undefined, 2));
  });
  const shown = receipt.value;
  return (
    <section data-rule="C11">
      <h2>{t.receipt}</h2>
      {shown === undefined ? (
        <div class="row-of-buttons">
          <button type="button" class="btn" onClick={show.run}>
            {t.receiptShow}
          </button>
        </div>
      ) : (
        <>
          <p>
            {t.receiptId} <code>{shown.grant}</code>
          </p>
          {shown.pauseLink !== null && (
            <>
              <h3>{t.pauseLink}</h3>
              <p>
                <code>{shown.pauseLink}</code> <CopyButton text={shown.pauseLink} />
              </p>
              <p class="note">{t.pauseLinkNote}</p>
            </>
          )}
          <div class="row-of-buttons">
            <button
              type="button"
              class="btn"
              onClick={() => saveFile(`counterfoil-${shown.grant}.json`, "application/json", JSON.stringify(shown, undefined, 2))}
            >
              {t.receiptSave}
            </button>
            <button type="button" class="btn" onClick={() => print()}>
              {t.receiptPrint}
            </button>
            <button type="button" class="btn" onClick={evidence.run}>
              {evidence.pending.value ? t.recordWorking : t.recordSave}
            </button>
          </div>
          <p class="note no-print">{t.recordNote}</p>
        </>
      )}
      <ErrorState error={show.error.value ?? evidence.error.value} />
    </section>
  );
}
