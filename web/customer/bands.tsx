import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { day, moment } from "../parts/dates.ts";
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
  const moving = store?.moving ?? null;
  const away = vault.away.value;
  if (vault.online.value && !away && !alarmed && !kitDue && erasing === null && moving === null) return <span />;
  return (
    <aside class="bands" aria-label={t.bands}>
      {!vault.online.value && (
        <Notice tone="brass" alert>
          <p>{t.offline}</p>
        </Notice>
      )}
      {away && <Away />}
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
      {moving !== null && <Moving {...moving} />}
      {kitDue && (
        <Notice tone="brass" title={t.kitTitle}>
          <p>{Date.parse(store.kit.due) > now.value ? t.kitDue(day(tag, store.kit.due)) : t.kitOverdue}</p>
          <a href="/safety#kit">{t.kitAction}</a>
        </Notice>
      )}
    </aside>
  );
}

function Away() {
  const vault = useVault();
  const { errors, state: t } = words();
  const unlock = useAction(() => vault.unlock());
  return (
    <Notice tone="brass" title={errors.signed_out}>
      <p>{t.away}</p>
      <button type="button" class="text-btn" onClick={unlock.run}>
        {t.unlock}
      </button>
      <ErrorState error={unlock.error.value} />
    </Notice>
  );
}

function Moving({ to, until }: { to: string; until: string }) {
  const vault = useVault();
  const { tag, state: t } = words();
  const stay = useAction(async () => {
    await vault.stay();
    say(t.stayed);
  });
  return (
    <Notice tone="brass" title={t.movingTitle(new URL(to).host)}>
      <p>{t.movingBody(moment(tag, until))}</p>
      <button type="button" class="text-btn" onClick={stay.run}>
        {t.stay}
      </button>
      <ErrorState error={stay.error.value} />
    </Notice>
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
