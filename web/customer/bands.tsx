import { words } from "../locales/words.ts";
import { day } from "../parts/dates.ts";
import { Notice } from "../parts/notice.tsx";
import { useNow } from "../parts/now.ts";
import { useVault } from "./vault-context.ts";

/** What holds on every page: no connection, something refused, a kit that is due. */
export function Bands({ bare, path }: { bare: boolean; path: string }) {
  const vault = useVault();
  const now = useNow();
  const { tag, state: t } = words();
  const store = vault.store.value;
  const kitDue = store !== undefined && !store.kit.confirmed && store.connections.length > 0 && !bare && !path.startsWith("/safety");
  const alarmed = store !== undefined && store.alarms.length > 0;
  if (vault.online.value && !alarmed && !kitDue) return <span />;
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
      {kitDue && (
        <Notice tone="brass" title={t.kitTitle}>
          <p>{Date.parse(store.kit.due) > now.value ? t.kitDue(day(tag, store.kit.due)) : t.kitOverdue}</p>
          <a href="/safety#kit">{t.kitAction}</a>
        </Notice>
      )}
    </aside>
  );
}
