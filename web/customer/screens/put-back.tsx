import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { Chips } from "../../parts/chips.tsx";
import { day, moment } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import type { ConnectionView, StoreView } from "../../vault/vault.ts";
import { chipsOf } from "../connection-stub.tsx";
import { purposeWords } from "../labels.ts";
import { Opened } from "../opened.tsx";
import { noteSeen } from "../put-back-seen.ts";
import { useVault } from "../vault-context.ts";

/** What a restored server means for its customer: what is missing, and who may read again. */
export function PutBack() {
  return <Opened title={words().putBack.title}>{(store) => <Restored store={store} />}</Opened>;
}

/** Shops that one approval names. */
const MOST = 500;

type PutBackStore = NonNullable<StoreView["restored"]>;

function Restored({ store }: { store: StoreView }) {
  const { tag, putBack: t } = words();
  const { restored } = store;
  const held = store.connections.filter((each) => each.putBack).slice(0, MOST);
  const at = restored?.behind ? undefined : restored?.at;
  useEffect(() => {
    if (at !== undefined) noteSeen(at);
  }, [at]);
  return (
    <div class="narrow">
      {restored !== null && (
        <p class="lead">
          {restored.from === null ? t.leadUnknown : t.lead(moment(tag, restored.from))}
          {held.length > 0 && ` ${t.safe}`}
        </p>
      )}
      {restored?.behind ? (
        <Missing restored={restored} behind={restored.behind} />
      ) : held.length > 0 ? (
        <Paused held={held} />
      ) : (
        <>
          <p>{t.nothing}</p>
          <div class="row-of-buttons">
            <a class="btn" href="/">
              {t.back}
            </a>
          </div>
        </>
      )}
    </div>
  );
}

function Missing({ restored, behind }: { restored: PutBackStore; behind: NonNullable<PutBackStore["behind"]> }) {
  const vault = useVault();
  const { tag, putBack: t, handshake } = words();
  const online = vault.online.value;
  const goOn = useAction(async () => {
    await vault.goOn();
    say(t.wentOn);
  });
  return (
    <section>
      <h2>{t.missing}</h2>
      <p>{restored.from === null ? t.behindUnknown : t.behind(moment(tag, restored.from))}</p>
      <ul class="points">
        {[behind.held ? t.held : t.notHeld, t.ways, t.stopped].map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
      <p>{t.doubt}</p>
      <div class="row-of-buttons">
        <button type="button" class="btn" aria-disabled={!online || undefined} onClick={() => online && goOn.run()}>
          {online ? t.goOn : t.offlineGoOn}
        </button>
      </div>
      <PasskeyNote text={handshake.use} pending={goOn.pending.value} />
      <ErrorState error={goOn.error.value} />
    </section>
  );
}

function Paused({ held }: { held: readonly ConnectionView[] }) {
  const vault = useVault();
  const { putBack: t, handshake } = words();
  const ticked = useSignal<ReadonlySet<string>>(new Set());
  const chosen = held.filter(({ grant }) => ticked.value.has(grant));
  const isReady = vault.online.value && chosen.length > 0;
  const resume = useAction(async () => {
    await vault.resume(...chosen.map(({ grant }) => grant));
    say(t.resumed(chosen.length));
  });
  const tick = (grant: string, on: boolean): void => {
    const all = new Set(ticked.value);
    if (on) all.add(grant);
    else all.delete(grant);
    ticked.value = all;
  };
  return (
    <section>
      <h2>{t.paused}</h2>
      <p>{t.pausedLead}</p>
      {held.length > 1 && (
        <button
          type="button"
          class="text-btn"
          onClick={() => {
            ticked.value = new Set(held.map(({ grant }) => grant));
          }}
        >
          {t.all(held.length)}
        </button>
      )}
      <fieldset class="field put-back" data-rule="D5">
        <legend>{t.shops}</legend>
        {held.map((each) => (
          <Shop key={each.grant} connection={each} on={ticked.value.has(each.grant)} onTick={(on) => tick(each.grant, on)} />
        ))}
      </fieldset>
      <div class="row-of-buttons">
        <button type="button" class="btn" aria-disabled={!isReady || undefined} onClick={() => isReady && resume.run()}>
          {!vault.online.value ? t.offline : chosen.length === 0 ? t.choose : t.resume(chosen.length)}
        </button>
      </div>
      <PasskeyNote text={handshake.use} pending={resume.pending.value} />
      <p class="note">{t.later}</p>
      <ErrorState error={resume.error.value} />
    </section>
  );
}

function Shop({ connection, on, onTick }: { connection: ConnectionView; on: boolean; onTick: (on: boolean) => void }) {
  const { tag, connections, putBack: t } = words();
  const { client, details, expires, grant, changeLost } = connection;
  const about = `about-${grant}`;
  return (
    <div class="item">
      <label class="choice">
        <input type="checkbox" checked={on} aria-describedby={about} onChange={(event) => onTick(event.currentTarget.checked)} />
        <bdi>{client.client_name}</bdi>
      </label>
      <div class="beside">
        <div id={about}>
          <p class="sub">
            {client.domain} · {[...new Set(details.map((each) => purposeWords(each.purpose).short))].join(" · ")} ·{" "}
            {connections.ends(day(tag, expires))}
          </p>
          {changeLost && <p class="soon">{t.changeLost}</p>}
        </div>
        <Chips label={connections.have} items={chipsOf(connection)} />
        <a href={`/c/${grant}`}>{t.look(client.client_name)}</a>
      </div>
    </div>
  );
}
