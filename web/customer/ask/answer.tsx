import { useComputed } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { codeOf, reasonOf } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import type { RequestViewModel, StoreView } from "../../vault/vault.ts";
import { hasGpc } from "../gpc.ts";
import { useVault } from "../vault-context.ts";

/** Why nothing can be given now, as the button says it; undefined where nothing stands in the way. */
export function useObstacle(
  { keyMatches }: RequestViewModel,
  kitFirst: boolean,
  t: { readonly mismatch: string; readonly offline: string; readonly alarm: string; readonly kit: string },
): string | undefined {
  const vault = useVault();
  return useComputed(() => {
    if (keyMatches === "no") return t.mismatch;
    if (!vault.online.value) return t.offline;
    if (vault.store.value?.alarms.length) return t.alarm;
    return kitFirst ? t.kit : undefined;
  }).value;
}

/** How many values of a kind the store has. */
export const countIn =
  (store: StoreView) =>
  ({ kind }: { readonly kind: { readonly path: string } }): number =>
    store.records.filter((each) => each.kind === kind.path && each.value !== null).length;

/** What a no means for the shop, and what the browser has said: quiet, and the same for every request. */
export function QuietLines() {
  const { ask: t } = words();
  return (
    <>
      <p class="note" data-rule="C10">
        {t.thirtyDays}
      </p>
      {hasGpc() && (
        <p class="note" data-rule="gpc">
          {t.gpc}
        </p>
      )}
    </>
  );
}

export function KitFirst({ request }: { request: string }) {
  const { ask: t } = words();
  return (
    <div class="group">
      <Notice tone="brass">
        <p>{t.kitFirst}</p>
        <a href={`/safety?then=/ask/${request}#kit`}>{t.kitFirstAction}</a>
      </Notice>
    </div>
  );
}

/** A part of the page that didn't come. */
export function Broken() {
  const { state } = words();
  return (
    <Notice tone="stamped" alert>
      <p>{state.notLoaded}</p>
      <button type="button" class="text-btn" onClick={() => location.reload()}>
        {state.retry}
      </button>
    </Notice>
  );
}

export function NotDone({ error, text }: { error: unknown; text: (reason: string) => string }) {
  if (error === undefined) return null;
  return (
    <Notice tone={codeOf(error) === "cancelled" ? "brass" : "stamped"} alert>
      <p>{text(reasonOf(error))}</p>
    </Notice>
  );
}
