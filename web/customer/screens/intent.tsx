import { useLocation, useRoute } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { fieldDay } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { useNow } from "../../parts/now.ts";
import { say } from "../../parts/status.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { Opened } from "../opened.tsx";
import { useVault } from "../vault-context.ts";
import { useEndings } from "../wanted/endings.ts";
import { IntentForm } from "../wanted/intent-form.tsx";
import { type Wish, wishesOf } from "../wanted/intents.ts";
import { Limits } from "../wanted/wish-row.tsx";

/** `/wanted/new`, and a wish by the id of its record. */
export function IntentScreen() {
  const vault = useVault();
  const { wanted: t } = words();
  const id = useRoute().params.id ?? "";
  const wish = vault.store.value && wishesOf(vault.store.value).find((each) => each.record.path === `intents/${id}`);
  const title = id === "new" ? t.newTitle : vault.store.value === undefined ? t.title : (wish?.intent.item ?? t.missingTitle);
  return (
    <>
      <p class="crumb no-print">
        <a href="/wanted">{t.all}</a>
      </p>
      <Opened key={id} title={title}>
        {(store) => (
          <div class="narrow">
            {id === "new" ? (
              <New store={store} />
            ) : wish === undefined ? (
              <p class="lead">{t.missing}</p>
            ) : (
              <Known wish={wish} store={store} />
            )}
          </div>
        )}
      </Opened>
    </>
  );
}

function New({ store }: { store: StoreView }) {
  const { route } = useLocation();
  const { wanted: t } = words();
  return (
    <IntentForm
      store={store}
      path="intents"
      before={undefined}
      onSaved={() => {
        say(t.saved);
        route("/wanted");
      }}
    />
  );
}

function Known({ wish, store }: { wish: Wish; store: StoreView }) {
  const { route } = useLocation();
  const { wanted: t } = words();
  const today = fieldDay(useNow().value);
  const { step } = useEndings(() => route("/wanted"));
  const { record, intent } = wish;
  const isOpen = intent.state === "open";
  const readers = [...new Set(record.sharedWith.map((each) => each.name))];
  return (
    <>
      <div class="wish">
        <Limits wish={wish} today={today} />
        <p class="note">{readers.length === 0 ? t.nobody : t.readers(readers.join(", "))}</p>
      </div>
      {isOpen ? (
        <IntentForm
          store={store}
          path={record.path}
          before={intent}
          onSaved={() => {
            say(t.saved);
            route("/wanted");
          }}
        />
      ) : (
        <>
          {intent.details && (
            <p class="group">
              <bdi>{intent.details}</bdi>
            </p>
          )}
          <p class="note">{t.endedNote}</p>
        </>
      )}
      <section class={isOpen ? "apart" : undefined}>
        <div class="row-of-buttons">
          {isOpen ? (
            <>
              <button type="button" class="btn" onClick={() => step.run(wish, "fulfilled")}>
                {t.got}
              </button>
              <button type="button" class="btn" onClick={() => step.run(wish, "withdrawn")}>
                {t.drop}
              </button>
            </>
          ) : (
            <button type="button" class="btn" onClick={() => step.run(wish, "open")}>
              {t.reopen}
            </button>
          )}
          <button type="button" class="text-btn stop" onClick={() => step.run(wish, "removed")}>
            {t.remove}
          </button>
        </div>
        <ErrorState error={step.error.value} />
      </section>
    </>
  );
}
