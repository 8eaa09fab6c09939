import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { filterIsWider, frequencyIsWider } from "#protocol/narrow.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { focusFault } from "../../parts/focus-fault.ts";
import { Notice } from "../../parts/notice.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import { serial } from "../../parts/stub.tsx";
import { ChangeList } from "../change-list.tsx";
import { changesOf, isSame, replacedBy } from "../changes.ts";
import { hasGpc } from "../gpc.ts";
import { chipOf, consequenceWords, purposeWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { type InForce, Terms } from "../terms.tsx";
import { useVault } from "../vault-context.ts";
import { bounded, extrasOf, isHeld, keepAll, noLonger } from "./amending.ts";
import { Broken, countIn, KitFirst, NotDone, QuietLines, useObstacle } from "./answer.tsx";
import { BlockShop } from "./block-shop.tsx";
import { type ChooseProps, useArrival } from "./choose.tsx";
import { useChoosing } from "./choosing.ts";
import { choiceOf } from "./collection.ts";
import { Decide } from "./decide.tsx";
import { Extras } from "./extras.tsx";
import { UntilField } from "./until-field.tsx";
import { What } from "./what.tsx";

/**
 * A shop asks to change a connection (C12). Nothing is accepted beforehand: what is new is off, and so is what it has, which one choice
 * keeps; of terms, what is in force stays unless more is ticked. Refusing leaves everything as it was.
 */
export function ChangeRequest(props: ChooseProps & { grant: string; inForce: AuthorizationDetails }) {
  const { request, store, now, grant, inForce, noticeOf, onDecline, onShared } = props;
  const vault = useVault();
  const { ask } = words();
  const t = ask.change;
  const form = useArrival(props.arriving);
  const asked = request.details;
  const before = useMemo(() => replacedBy(asked, inForce), [asked, inForce]);
  const held = useMemo(() => before.map((each) => (each?.actions.includes("read") ? each.paths : [])), [before]);
  const choosing = useChoosing(asked, store, now, held, before);
  const more = useSignal<ReadonlySet<string>>(new Set());
  const { filters, picks, until, dayFault, rows } = choosing;
  const kept = until.value.kind === "kept";
  const within = bounded(asked, before, more.value, kept);
  const granted = choosing.details(within, now);
  const changes = granted && changesOf(inForce, granted);
  const connection = store.connections.find((each) => each.grant === grant);

  const share = useAction(async () => {
    const { edits, wrong } = choosing.check();
    const details = choosing.details(within, Date.now());
    dayFault.value = details === undefined;
    if (details === undefined || wrong > 0) {
      say(ask.invalid(wrong + (details === undefined ? 1 : 0)));
      focusFault(form.current);
      return;
    }
    const gpc = hasGpc();
    const notice = { text: noticeOf(t.title(request.client.client_name), request.client, details, gpc), language: words().tag };
    onShared(await vault.approve({ request: request.id, details, edits, notice, ...(gpc ? { gpc } : {}) }));
  });

  // It is no further shop: the kit is due by its time alone.
  const kitFirst = !store.kit.confirmed && Date.parse(store.kit.due) <= now;
  const obstacle = useObstacle(request, kitFirst, t.obstacles);
  const nothing = choosing.ticked.some(({ row }) => row.whole && filters[row.detail] === undefined);
  const reason =
    obstacle ?? (nothing ? t.nothing : picks.length === 0 ? t.choose : changes !== undefined && isSame(changes) ? t.same : undefined);
  const keepable = rows.filter((row) => isHeld(row, before));
  const keepsAll = keepable.every((row) => choosing.choiceOf(row).ticked && choosing.choiceOf(row).form === row.held?.form);
  /** Without a tick at "more often" it could read nothing more. */
  const isSpent = within.some(
    ({ frequency }) => frequency?.per === undefined && (connection?.reads.length ?? 0) >= (frequency?.max ?? Number.POSITIVE_INFINITY),
  );
  const ending = inForce.filter((each) => !before.includes(each));
  const several = asked.length + ending.length > 1;
  return (
    <div ref={form} data-rule="C12">
      {choosing.isBroken && <Broken />}
      <Notice tone="seal">
        <p>{t.lead(request.client.client_name, serial(connection?.number ?? 0))}</p>
        {connection?.state === "paused" && <p>{t.paused}</p>}
      </Notice>
      {keepable.length > 0 && (
        <label class="choice group">
          <input
            type="checkbox"
            data-keep
            checked={keepsAll}
            onChange={(event) => keepAll(choosing, asked, before, choiceOf, event.currentTarget.checked)}
          />
          <span>
            {t.keepAll} <span class="opt">{t.keepAllNote}</span>
          </span>
        </label>
      )}
      {asked.map((detail, at) => (
        <section class="group" key={at}>
          <h2>
            {several ? purposeWords(detail.purpose).short : ask.why}{" "}
            {before[at] === undefined && <span class="tag-new">· {t.newPurpose}</span>}
          </h2>
          <Purpose detail={detail} />
          <What detail={detail} at={at} choosing={choosing} stored={countIn(store)} diff="change" allowed={before[at]?.actions ?? []}>
            <Gone paths={noLonger(detail, before[at])} />
          </What>
        </section>
      ))}
      {ending.map((detail, at) => (
        <section class="group" key={at}>
          <h2 class="gone">
            <del>{purposeWords(detail.purpose).short}</del> {t.noLonger}
          </h2>
          <Gone paths={detail.paths} />
        </section>
      ))}
      <UntilField
        asked={asked}
        now={now}
        until={until.value}
        inForce={Math.max(...inForce.map((each) => Date.parse(each.expires)))}
        fault={dayFault.value}
        onChange={(next) => {
          until.value = next;
          dayFault.value = false;
        }}
      />
      <Extras
        extras={extrasOf(asked, before)}
        asked={asked}
        now={before}
        ticked={more.value}
        onChange={(next) => {
          more.value = next;
        }}
      />
      {isSpent && <p class="soon">{t.spent}</p>}
      {within.map((detail, at) => (
        <section class="terms" key={at}>
          {several && <h3>{purposeWords(detail.purpose).short}</h3>}
          <Terms
            detail={{ ...detail, ...(filters[at] === undefined ? {} : { filter: filters[at] }) }}
            now={inForceOf(detail, before[at])}
          />
          <Notice tone="plain" rule="C8" title={t.refuse}>
            <p>{t.refuseText}</p>
            <p>{consequenceWords(detail.if_refused)}</p>
          </Notice>
        </section>
      ))}
      <section class="panel" aria-live="polite">
        <h2>{t.after}</h2>
        {changes === undefined ? (
          <p class="note">{t.chooseNote}</p>
        ) : isSame(changes) ? (
          <p>{t.sameNote}</p>
        ) : (
          <ChangeList changes={changes} store={store} />
        )}
      </section>
      {kitFirst && <KitFirst request={request.id} />}
      <QuietLines />
      <Decide no={t.no} yes={reason ?? t.yes} off={reason !== undefined} busy={share.pending.value} onYes={share.run} onNo={onDecline} />
      <PasskeyNote text={ask.next} pending={share.pending.value} rule="C9-next" />
      <NotDone error={share.error.value} text={t.failed} />
      <BlockShop client={request.client} onDecline={onDecline} />
    </div>
  );
}

const inForceOf = ({ frequency, filter }: AuthorizationDetail, now: AuthorizationDetail | undefined): InForce | undefined =>
  now && { detail: now, isSeldomer: frequencyIsWider(frequency, now.frequency), isLooser: filterIsWider(filter, now.filter) };

/** What it no longer asks for. */
function Gone({ paths }: { paths: readonly string[] }) {
  const { ask } = words();
  if (paths.length === 0) return null;
  return (
    <ul class="items gone">
      {paths.map((path) => (
        <li class="item row-text" key={path}>
          <del>{chipOf(path)}</del> {ask.change.noLonger}
        </li>
      ))}
    </ul>
  );
}
