import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import type { RequestViewModel } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";
import { useSettled } from "./settled.ts";

/** For who never wants to be asked by this shop again. Out of the way: it is no third answer. */
export function BlockShop({ client, onDecline }: { client: RequestViewModel["client"]; onDecline: () => void }) {
  const vault = useVault();
  const { ask: t } = words();
  const settled = useSettled();
  const block = useAction(async () => {
    const known = vault.store.value?.vendors.find((each) => each.client_id === client.client_id);
    await vault.saveCard(known ? { relationship: known.relationship } : { client }, { ...known?.card, view: "blocked" });
    onDecline();
  });
  return (
    <details>
      <summary>{t.block}</summary>
      <p class="note">{t.blockText(client.client_name)}</p>
      <button type="button" class="text-btn" onClick={() => settled() && block.run()}>
        {t.blockYes}
      </button>
      <ErrorState error={block.error.value} />
    </details>
  );
}

/** A request of a shop that was blocked: there is one answer. */
export function Blocked({ client, onDecline }: { client: RequestViewModel["client"]; onDecline: () => void }) {
  const vault = useVault();
  const { ask: t } = words();
  const settled = useSettled();
  const known = vault.store.value?.vendors.find((each) => each.client_id === client.client_id);
  const grant = known?.grants[0];
  return (
    <section class="group" data-rule="blocked">
      <div class="notice plain">
        <strong>{t.blockedTitle}</strong>
        <p>{t.blockedText(client.client_name)}</p>
        <a href={grant === undefined ? "/data/who" : `/c/${grant}`}>{t.blockedCard}</a>
      </div>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => settled() && onDecline()}>
          {t.no}
        </button>
      </div>
    </section>
  );
}
