import { useEffect, useMemo, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { focusFault } from "../../parts/focus-fault.ts";
import { Notice } from "../../parts/notice.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import type { RequestViewModel, StoreView } from "../../vault/vault.ts";
import { hasGpc } from "../gpc.ts";
import { consequenceWords, purposeWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { Terms } from "../terms.tsx";
import { useVault } from "../vault-context.ts";
import { Broken, countIn, KitFirst, NotDone, QuietLines, useObstacle } from "./answer.tsx";
import { BlockShop } from "./block-shop.tsx";
import { useChoosing } from "./choosing.ts";
import { Decide } from "./decide.tsx";
import { UntilField } from "./until-field.tsx";
import { What } from "./what.tsx";

export interface ChooseProps {
  request: RequestViewModel;
  store: StoreView;
  now: number;
  /** The store was opened on this page: what to choose from came in place of the button that had the focus. */
  arriving: boolean;
  /** The words that were shown, for the hash in the consent. It comes with the page, which has them too. */
  noticeOf: typeof import("./notice-text.ts").noticeText;
  onDecline: () => void;
  onShared: (shared: { redirect: string; grant: string }) => void;
}

/** Puts the focus on what to choose from, where it came in place of what had it. */
export function useArrival(arriving: boolean) {
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!arriving) return;
    const what = form.current?.querySelector<HTMLElement>("h2[tabindex]");
    what?.focus({ preventScroll: true });
    what?.scrollIntoView();
  }, []);
  return form;
}

/** Choosing what to share, from an open store. Nothing is ticked, and what is typed survives a failure. */
export function Choose({ request, store, now, arriving, noticeOf, onDecline, onShared }: ChooseProps) {
  const vault = useVault();
  const { ask: t } = words();
  const form = useArrival(arriving);
  const held = useMemo(() => {
    const paths = store.connections.find((each) => each.grant === request.existing)?.details.flatMap((each) => each.paths) ?? [];
    return request.details.map(() => paths);
  }, [request, store]);
  const choosing = useChoosing(request.details, store, now, held);
  const { chosen, filters, picks, until, dayFault } = choosing;

  const share = useAction(async () => {
    const { edits, wrong } = choosing.check();
    const details = choosing.details(request.details, Date.now());
    dayFault.value = details === undefined;
    if (details === undefined || wrong > 0) {
      say(t.invalid(wrong + (details === undefined ? 1 : 0)));
      focusFault(form.current);
      return;
    }
    const gpc = hasGpc();
    const notice = { text: noticeOf(t.title(request.client.client_name), request.client, details, gpc), language: words().tag };
    onShared(await vault.approve({ request: request.id, details, edits, notice, ...(gpc ? { gpc } : {}) }));
  });

  const kitFirst = !store.kit.confirmed && (store.connections.length > 0 || Date.parse(store.kit.due) <= now);
  const obstacle = useObstacle(request, kitFirst, {
    mismatch: t.yesMismatch,
    offline: t.yesOffline,
    alarm: t.yesAlarm,
    kit: t.yesKit,
  });
  const blocked = obstacle ?? (chosen.some((each) => each?.empty) ? t.yesNothing : undefined);
  const several = request.details.length > 1;
  return (
    <div ref={form}>
      {choosing.isBroken && <Broken />}
      {request.existing !== null && (
        <Notice tone="seal" rule="C12">
          <p>{t.existing(request.client.client_name)}</p>
        </Notice>
      )}
      {request.details.map((detail, at) => (
        <section class="group" key={at}>
          <h2>{several ? purposeWords(detail.purpose).short : t.why}</h2>
          <Purpose detail={detail} />
          <What detail={detail} at={at} choosing={choosing} stored={countIn(store)} diff={request.existing === null ? "none" : "again"} />
        </section>
      ))}
      <UntilField
        asked={request.details}
        now={now}
        until={until.value}
        fault={dayFault.value}
        onChange={(next) => {
          until.value = next;
          dayFault.value = false;
        }}
      />
      {request.details.map((detail, at) => (
        <section class="terms" key={at}>
          {several && <h3>{purposeWords(detail.purpose).short}</h3>}
          <Terms
            detail={{
              ...detail,
              ...(until.value.kind === "once" ? { frequency: { max: 1 } } : {}),
              ...(filters[at] === undefined ? {} : { filter: filters[at] }),
            }}
          />
          <Notice tone="plain" rule="C8" title={t.refuse}>
            <p>{consequenceWords(detail.if_refused)}</p>
          </Notice>
        </section>
      ))}
      {kitFirst && <KitFirst request={request.id} />}
      <QuietLines />
      <Decide
        no={t.no}
        yes={blocked ?? (picks.length === 0 ? t.choose : t.yes(picks.length))}
        off={blocked !== undefined || picks.length === 0}
        busy={share.pending.value}
        onYes={share.run}
        onNo={onDecline}
      />
      <PasskeyNote text={t.next} pending={share.pending.value} rule="C9-next" />
      <NotDone error={share.error.value} text={t.failed} />
      <BlockShop client={request.client} onDecline={onDecline} />
    </div>
  );
}
