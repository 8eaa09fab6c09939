import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import lazy, { ErrorBoundary } from "preact-iso/lazy";
import { useRoute } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { day } from "../../parts/dates.ts";
import { codeOf, ErrorState } from "../../parts/error-state.tsx";
import { Heading } from "../../parts/heading.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import { Outline } from "../../parts/outline.tsx";
import type { RequestViewModel, StoreView } from "../../vault/vault.ts";
import { QuietLines } from "../ask/answer.tsx";
import { Blocked } from "../ask/block-shop.tsx";
import { leave } from "../ask/leave.ts";
import { actionWord } from "../ask/more-actions.tsx";
import { noticeText } from "../ask/notice-text.ts";
import { AskReceipt } from "../ask/receipt.tsx";
import { NoConnection, Refused } from "../ask/refused.tsx";
import { latest } from "../ask/until.ts";
import { Entrance } from "../entrance.tsx";
import { chipOf, consequenceWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { Terms } from "../terms.tsx";
import { UnlockPanel } from "../unlock-panel.tsx";
import { useVault } from "../vault-context.ts";
import { Who } from "../who.tsx";

/** Comes while the visitor reads who asks: choosing needs every kind's form. */
const Choose = lazy(() => import("../ask/choose.tsx").then((it) => it.Choose));
const ChangeRequest = lazy(() => import("../ask/change.tsx").then((it) => it.ChangeRequest));
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
  const seen = useRef<StoreView | undefined>(undefined);
  const load = useAction(async () => {
    const opened = vault.store.value;
    const view = await vault.request(id);
    if (view.replaces !== undefined) ChangeRequest.preload().catch(() => undefined);
    request.value = view;
    seen.current = opened;
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
  if (shared.value && asked) return <AskReceipt {...shared.value} name={asked.client.client_name} changed={asked.replaces !== undefined} />;
  if (load.error.value !== undefined && asked === undefined) return <Failed error={load.error.value} retry={load.run} />;
  if (asked === undefined || state === "loading") return <Outline />;
  if (asked.state === "answered" && !declining.value) return <Over title={t.answeredTitle} body={errors.answered} />;
  if (Date.parse(asked.expires) <= now && !recovering.value) return <Over title={t.expiredTitle} body={errors.expired_link} />;
  const store = state === "unlocked" && !recovering.value ? vault.store.value : undefined;
  // Read while the store was closed, it couldn't say what is in force; it is being read again.
  if (store !== undefined && asked.replaces === null && seen.current === undefined && load.error.value === undefined) return <Outline />;
  const { client, replaces } = asked;
  const isRefused = asked.refusedUntil !== null && Date.parse(asked.refusedUntil) > now;
  const title = (isRefused ? t.refused.title : replaces === undefined ? t.title : t.change.title)(client.client_name);
  const choice = { request: asked, now, arriving: waited.current, noticeOf: noticeText, onDecline: decline.run };
  const onShared = (answer: { redirect: string; grant: string }) => {
    shared.value = answer;
  };
  return (
    <article class="narrow">
      <Who client={client} mark={asked.mark} title={title} />
      {asked.keyMatches === "no" && (
        <Notice tone="stamped" title={t.mismatchTitle} alert>
          <p>{t.mismatchText}</p>
        </Notice>
      )}
      {store && isBlocked(asked, store) ? (
        <Blocked client={client} onDecline={decline.run} />
      ) : isRefused ? (
        <Refused request={asked} onReopened={load.run} onDecline={decline.run} />
      ) : store === undefined ? (
        <Before request={asked} recovering={recovering} onDecline={decline.run} />
      ) : replaces === null ? (
        <NoConnection onDecline={decline.run} />
      ) : (
        <ErrorBoundary>
          {replaces === undefined ? (
            <Choose {...choice} store={store} onShared={onShared} />
          ) : (
            <ChangeRequest {...choice} store={store} grant={replaces.grant} inForce={replaces.details} onShared={onShared} />
          )}
        </ErrorBoundary>
      )}
      <p class="note" role="status">
        {decline.pending.value || declining.value ? (replaces === undefined ? t.declining : t.change.declining) : ""}
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
  const { tag, ask: t, recover } = words();
  const no = request.replaces === undefined ? t.no : t.change.no;
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
          {detail.actions.some((each) => each !== "read") && (
            <p>
              {t.also}{" "}
              {detail.actions
                .filter((each) => each !== "read")
                .map(actionWord)
                .join(", ")}
              .
            </p>
          )}
          <Terms detail={detail} />
          <Notice tone="plain" rule="C8" title={request.replaces === undefined ? t.refuse : t.change.refuse}>
            {request.replaces !== undefined && <p>{t.change.refuseText}</p>}
            <p>{consequenceWords(detail.if_refused)}</p>
          </Notice>
        </section>
      ))}
      <dl class="facts">
        <dt data-rule="C4">{t.until}</dt>
        <dd>{t.pickBound(day(tag, latest(request.details, Date.now())))}</dd>
      </dl>
      {vault.state.value === "locked" && <QuietLines />}
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
        <UnlockPanel body={t.lockedBody} onKit={useKit} other={<Decline text={no} onDecline={onDecline} />} />
      ) : (
        <Entrance title={t.begin} body={t.beginBody} onKit={useKit} other={<Decline text={no} onDecline={onDecline} />} />
      )}
    </>
  );
}

function Decline({ text, onDecline }: { text: string; onDecline: () => void }) {
  return (
    <button type="button" class="btn" onClick={onDecline}>
      {text}
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
