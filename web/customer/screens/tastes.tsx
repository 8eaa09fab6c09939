import { useComputed } from "@preact/signals";
import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { boughtOf, PURCHASES } from "../purchases/bought.ts";
import { decisionsOf } from "../purchases/decisions.ts";
import { Reason } from "../purchases/reason.tsx";
import { reasonsOf } from "../purchases/tastes.ts";
import { Unsaved } from "../purchases/unsaved.tsx";
import { useVault } from "../vault-context.ts";

export function Tastes() {
  const { purchases: t } = words();
  return (
    <>
      <p class="crumb no-print">
        <a href="/data/purchases">{t.back}</a>
      </p>
      <Opened title={t.tastes.title}>{(store) => <Explained store={store} />}</Opened>
    </>
  );
}

function Explained({ store }: { store: StoreView }) {
  const vault = useVault();
  const { purchases: t } = words();
  const decisions = decisionsOf(vault);
  const all = useComputed(() => (vault.store.value === undefined ? [] : boughtOf(vault.store.value, decisions.waiting.value))).value;
  const reasons = reasonsOf(all);
  const telling = reasons.some(({ category, counted }) => category !== undefined && counted.length > 0);
  const unsorted = reasons.reduce((sum, each) => sum + each.unsorted.length, 0);
  return (
    <div class="narrow">
      <p class="lead">{t.tastes.lead}</p>
      <Unsaved />
      {!telling && <p>{t.tastes.none}</p>}
      {unsorted > 0 && (
        <p>
          <a class="btn" href="/data/purchases/sort">
            {t.tastes.sortThem(unsorted)}
          </a>
        </p>
      )}
      <ul class="items group">
        {reasons.map((reason) => (
          <Reason key={reason.category ?? ""} reason={reason} onForWhom={(path, recipient) => decisions.decide([path], recipient)} />
        ))}
      </ul>
      {all.length > 0 && <p class="note">{t.tastes.all(all.length)}</p>}
      <Readers store={store} />
      <p>
        <a class="text-btn" href="/data/preferences">
          {t.tastes.byHand}
        </a>
      </p>
    </div>
  );
}

/** Which shops have tastes among what they can read, whether there is something to read or not. */
function Readers({ store }: { store: StoreView }) {
  const { tag, purchases: t, connections } = words();
  const tastes = `${PURCHASES}:tastes`;
  const counting = new Set(store.records.flatMap((each) => each.sharedWith.flatMap(({ grant, path }) => (path === tastes ? [grant] : []))));
  const readers = store.connections.filter(
    ({ grant, state, details }) =>
      !isEnded(state) && (counting.has(grant) || details.some(({ actions, paths }) => actions.includes("read") && paths.includes(tastes))),
  );
  return (
    <section class="group">
      <h2>{t.tastes.shared}</h2>
      {readers.length === 0 ? (
        <p>{t.tastes.sharedNone}</p>
      ) : (
        <ul>
          {readers.map(({ grant, client, state, expires }) => (
            <li key={grant}>
              <a class="text-btn" href={`/c/${grant}`}>
                {t.tastes.until(client.client_name, day(tag, expires))}
              </a>
              {state === "paused" && <span class="note"> {connections.states.paused}</span>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
