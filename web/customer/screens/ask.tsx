import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import lazy, { ErrorBoundary } from "preact-iso/lazy";
import { useRoute } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { codeOf, ErrorState } from "../../parts/error-state.tsx";
import { Heading } from "../../parts/heading.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import { Outline } from "../../parts/outline.tsx";
import type { RequestViewModel, StoreView } from "../../vault/vault.ts";
import { Blocked } from "../ask/block-shop.tsx";
import { leave } from "../ask/leave.ts";
import { AskReceipt } from "../ask/receipt.tsx";
import { Entrance } from "../entrance.tsx";
import { chipOf, consequenceWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { Terms } from "../terms.tsx";
import { UnlockPanel } from "../unlock-panel.tsx";
import { useVault } from "../vault-context.ts";
import { Who } from "../who.tsx";

/** Comes while the visitor reads who asks: choosing needs every kind's form. */
const Choose = lazy(() => import("../ask/choose.tsx").then((it) => it.Choose));
const RecoverFlow = lazy(() => import("../recover-flow.tsx").then((it) => it.RecoverFlow));

export function Ask() {
  const vault = useVault();
  const id = useRoute().params.id ?? "";
  const { ask: t, errors } = words();
  const now = useNow().value;
  const request = useSignal<RequestViewModel | undefined>(undefined);
  const shared = useSignal<{ redirect: string; grant: string } | undefined>(undefined);
  const declining = useSignal(false);
  const recovering = useSignal(false);
  const state = vault.state.value;
  const load = useAction(async () => {
    request.value = await vault.request(id);
  });
  useEffect(() => {
    if (state !== "loading" && shared.value === undefined) load.run();
  }, [id, state, load, shared]);
  useEffect(() => {
    // Asked for again, and told if it fails, when it is drawn.
    Choose.preload().catch(() => undefined);
  }, []);
  const decline = useAction(async () => {
    const { redirect } = await vault.decline(id);
    declining.value = true;
    leave(redirect);
  });

  const waited = useRef(false);
  useEffect(() => {
    // An old failure to say no must not stand under a new try to share.
    decline.clear();
    if (state === "locked" || state === "signed-out") waited.current = true;
  }, [state, vault.online.value]);

  const asked = request.value;
  if (shared.value && asked) return <AskReceipt {...shared.value} name={asked.client.client_name} />;
  if (load.error.value !== undefined && asked === undefined) return <Failed error={load.error.value} retry={load.run} />;
  if (asked === undefined || state === "loading") return <Outline />;
  if (asked.state === "answered" && !declining.value) return <Over title={t.answeredTitle} body={errors.answered} />;
  if (Date.parse(asked.expires) <= now && !recovering.value) return <Over title={t.expiredTitle} body={errors.expired_link} />;
  return (
    <article class="narrow">
      <Who client={asked.client} mark={asked.mark} title={t.title(asked.client.client_name)} />
      {asked.keyMatches === "no" && (
        <Notice tone="stamped" title={t.mismatchTitle} alert>
          <p>{t.mismatchText}</p>
        </Notice>
      )}
      {state === "unlocked" && isBlocked(asked, vault.store.value) ? (
        <Blocked client={asked.client} onDecline={decline.run} />
      ) : state === "unlocked" && vault.store.value && !recovering.value ? (
        <ErrorBoundary>
          <Choose
            request={asked}
            store={vault.store.value}
            now={now}
            arriving={waited.current}
            onDecline={decline.run}
            onShared={(answer) => {
              shared.value = answer;
            }}
          />
        </ErrorBoundary>
      ) : (
        <Before request={asked} recovering={recovering} onDecline={decline.run} />
      )}
      <p class="note" role="status">
        {decline.pending.value || declining.value ? t.declining : ""}
      </p>
      <ErrorState error={decline.error.value} />
    </article>
  );
}

/** The request was read before the store was opened, it may be: then it didn't know. */
const isBlocked = ({ blocked, client }: RequestViewModel, store: StoreView | undefined): boolean =>
  blocked || store?.vendors.find((each) => each.client_id === client.client_id)?.card.view === "blocked";

/** Who asks and why, before there is an open store to choose from. Refusing needs none. */
function Before({ request, recovering, onDecline }: { request: RequestViewModel; recovering: { value: boolean }; onDecline: () => void }) {
  const vault = useVault();
  const { ask: t, recover } = words();
  const useKit = () => {
    recovering.value = true;
  };
  return (
    <>
      {request.details.map((detail, at) => (
        <section key={at}>
          <h2>{t.why}</h2>
          <Purpose detail={detail} />
          <h2>{t.asks}</h2>
          <ul class="items asked">
            {detail.paths.map((path) => (
              <li class="item" key={path}>
                <strong>{chipOf(path)}</strong> <span class="opt">{detail.necessity === "required" ? t.needed : t.optional}</span>
              </li>
            ))}
          </ul>
          <Terms detail={detail} />
          <Notice tone="plain" rule="C8" title={t.refuse}>
            <p>{consequenceWords(detail.if_refused)}</p>
          </Notice>
        </section>
      ))}
      {recovering.value ? (
        <section class="group">
          <h2>{recover.title}</h2>
          <ErrorBoundary>
            <RecoverFlow
              onDone={() => {
                recovering.value = false;
              }}
            />
          </ErrorBoundary>
        </section>
      ) : vault.state.value === "locked" ? (
        <UnlockPanel body={t.lockedBody} onKit={useKit} other={<Decline onDecline={onDecline} />} />
      ) : (
        <Entrance title={t.begin} body={t.beginBody} onKit={useKit} other={<Decline onDecline={onDecline} />} />
      )}
    </>
  );
}

function Decline({ onDecline }: { onDecline: () => void }) {
  return (
    <button type="button" class="btn" onClick={onDecline}>
      {words().ask.no}
    </button>
  );
}

function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  const { ask: t, state, errors } = words();
  const code = codeOf(error);
  if (code === "expired_link") return <Over title={t.expiredTitle} body={errors.expired_link} />;
  if (code === "answered") return <Over title={t.answeredTitle} body={errors.answered} />;
  return (
    <>
      <Heading key="failed">{state.errorTitle}</Heading>
      <ErrorState error={error} safe={state.safe} retry={retry} />
    </>
  );
}

function Over({ title, body }: { title: string; body: string }) {
  const t = words();
  const stranger = useVault().state.value === "signed-out";
  return (
    <>
      <Heading key={title}>{title}</Heading>
      <p class="lead">{body}</p>
      <a class="btn" href={stranger ? "/start" : "/"}>
        {stranger ? t.state.beginTitle : t.ask.toConnections}
      </a>
    </>
  );
}
