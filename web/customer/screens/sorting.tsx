import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { boughtOf, mayBeGift } from "../purchases/bought.ts";
import { decisionsOf } from "../purchases/decisions.ts";
import { SortBox } from "../purchases/sort-box.tsx";
import { unsortedOf } from "../purchases/sorting.ts";
import { Unsaved } from "../purchases/unsaved.tsx";
import { useVault } from "../vault-context.ts";

export function Sorting() {
  const { purchases: t } = words();
  return (
    <>
      <p class="crumb no-print">
        <a href="/data/purchases">{t.back}</a>
      </p>
      <Opened title={t.sort.title}>{(store) => <Sort store={store} />}</Opened>
    </>
  );
}

function Sort({ store }: { store: StoreView }) {
  const vault = useVault();
  const { purchases: t } = words();
  const all = boughtOf(store, decisionsOf(vault).waiting.value);
  /** What waited when one began, in one order: what is decided stays where it is, to go back to. */
  const queue = useSignal(unsortedOf(all).map(({ path }) => path));
  const hinted = all.filter(({ value }) => mayBeGift(value)).length;
  return (
    <div class="narrow">
      <p class="lead">{hinted > 0 && hinted < queue.value.length ? t.sort.leadHinted(hinted) : t.sort.lead}</p>
      <Unsaved />
      {queue.value.length === 0 ? <p>{t.sort.none}</p> : <SortBox all={all} queue={queue.value} />}
    </div>
  );
}
