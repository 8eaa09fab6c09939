import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { day } from "../parts/dates.ts";
import { ErrorState } from "../parts/error-state.tsx";
import { Notice } from "../parts/notice.tsx";
import { useNow } from "../parts/now.ts";
import { say } from "../parts/status.tsx";
import { useVault } from "./vault-context.ts";

/** What holds on every page: no connection, something refused, a store that is about to go, a kit that is due. */
export function Bands({ bare, path }: { bare: boolean; path: string }) {
  const vault = useVault();
  const now = useNow();
  const { tag, state: t } = words();
  const store = vault.store.value;
  const kitDue =
    store !== undefined &&
    store.erasing === null &&
    !store.kit.confirmed &&
    store.connections.length > 0 &&
    !bare &&
    !path.startsWith("/safety");
  const alarmed = store !== undefined && store.alarms.length > 0;
  const erasing = store?.erasing ?? null;
  if (vault.online.value && !alarmed && !kitDue && erasing === null) return <span />;
  return (
    <aside class="bands" aria-label={t.bands}>
      {!vault.online.value && (
        <Notice tone="brass" alert>
          <p>{t.offline}</p>
        </Notice>
      )}
      {alarmed && (
        <Notice tone="stamped" title={t.alarmTitle} alert>
          <p>{t.alarmBody}</p>
          <ul>
            {store.alarms.map((alarm) => (
              <li key={`${alarm.code} ${alarm.at}`}>
                {alarm.message} <code>{alarm.code}</code>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {erasing !== null && <Erasing at={erasing} />}
      {kitDue && (
        <Notice tone="brass" title={t.kitTitle}>
          <p>{Date.parse(store.kit.due) > now.value ? t.kitDue(day(tag, store.kit.due)) : t.kitOverdue}</p>
          <a href="/safety#kit">{t.kitAction}</a>
        </Notice>
      )}
    </aside>
  );
}

function Erasing({ at }: { at: string }) {
  const vault = useVault();
  const { tag, state: t } = words();
  const keep = useAction(async () => {
    await vault.keep();
    say(t.storeKept);
  });
  return (
    <Notice tone="stamped" title={t.erasingTitle(day(tag, at))} rule="D4">
      <p>{t.erasingBody}</p>
      <button type="button" class="text-btn" onClick={keep.run}>
        {t.keepStore}
      </button>
      <ErrorState error={keep.error.value} />
    </Notice>
  );
}
