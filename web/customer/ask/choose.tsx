import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import type { Draft, FieldErrors } from "../../parts/draft.ts";
import { codeOf, reasonOf } from "../../parts/error-state.tsx";
import { focusFault } from "../../parts/focus-fault.ts";
import { Notice } from "../../parts/notice.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { say } from "../../parts/status.tsx";
import type { RequestViewModel, StoreView } from "../../vault/vault.ts";
import { chipOf, consequenceWords, kindTitle, kindWord, purposeWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { Terms } from "../terms.tsx";
import { useVault } from "../vault-context.ts";
import { BlockShop } from "./block-shop.tsx";
import type { FilterChoice } from "./collection.ts";
import { Decide } from "./decide.tsx";
import { actionsOf, editsOf, grantedOf, type Pick } from "./granted.ts";
import { ItemRow, type RowChoice } from "./item-row.tsx";
import { itemsOf, type Row } from "./items.ts";
import { useLoaded } from "./loaded.ts";
import { MoreActions } from "./more-actions.tsx";
import { noticeText } from "./notice-text.ts";
import { usePreview } from "./preview.ts";
import type { Until } from "./until.ts";
import { UntilField } from "./until-field.tsx";

const NOTHING: FilterChoice = { categories: [], all: false, since: undefined, recipients: [] };

/** Asked for by few requests. */
const loadWhole = async () => {
  const [{ CollectionRow }, { chosenOf }] = await Promise.all([import("./collection-row.tsx"), import("./offer.ts")]);
  return { CollectionRow, chosenOf };
};
/** Needed for what isn't in the store yet. */
const loadTyping = () => import("./typed-value.tsx");

interface Props {
  request: RequestViewModel;
  store: StoreView;
  now: number;
  /** The store was opened on this page: what to choose from came in place of the button that had the focus. */
  arriving: boolean;
  onDecline: () => void;
  onShared: (shared: { redirect: string; grant: string }) => void;
}

/** Choosing what to share, from an open store. Nothing is ticked, and what is typed survives a failure. */
export function Choose({ request, store, now, arriving, onDecline, onShared }: Props) {
  const vault = useVault();
  const { ask: t } = words();
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!arriving) return;
    const what = form.current?.querySelector<HTMLElement>("h2[tabindex]");
    what?.focus({ preventScroll: true });
    what?.scrollIntoView();
  }, []);
  const choices = useSignal<Record<string, RowChoice>>({});
  const drafts = useSignal<Record<string, Draft>>({});
  const typedRows = useSignal<Record<string, number>>({});
  const faults = useSignal<Record<string, FieldErrors>>({});
  const dayFault = useSignal(false);
  const until = useSignal<Until>({ kind: "once" });
  const actions = useSignal<Record<number, readonly string[]>>({});
  const which = useSignal<Record<number, FilterChoice>>({});

  const groups = useMemo(
    () => itemsOf(request.details, store, typedRows.value, request.existing, new Date(now)),
    [request, store, typedRows.value, now],
  );
  const rows = groups.flat().flatMap((item) => item.rows);
  const choiceOf = (row: Row): RowChoice => choices.value[row.id] ?? { ticked: false, form: row.forms[0] };
  /** Another one is offered only once there is a first. */
  const isUsed = (row: Row): boolean => row.draft === undefined || choiceOf(row).ticked;
  const { it: typing, failed: noTyping } = useLoaded(
    rows.some(({ draft }) => draft !== undefined),
    loadTyping,
  );
  const { it: whole, failed: noWhole } = useLoaded(
    rows.some((row) => row.whole),
    loadWhole,
  );
  const draftFor = (row: Row): Draft => drafts.value[row.draft ?? ""] ?? typing?.blankOf(row.kind) ?? {};
  const ticked: Pick[] = rows.map((row) => ({ row, ...choiceOf(row) })).filter((each) => each.ticked);
  const chosen = request.details.map((detail, at) =>
    whole?.chosenOf(
      store,
      detail,
      ticked.filter(({ row }) => row.whole && row.detail === at),
      which.value[at] ?? NOTHING,
      new Date(now),
    ),
  );
  const filters = chosen.map((each) => each?.filter);
  /** Of an object that asks to do something besides reading, and not to read, nothing is shared before that is ticked. */
  const picks = ticked.filter(({ row }) => actionsOf(request.details[row.detail], actions.value[row.detail]).length > 0);
  const typed = (): { values: Map<string, unknown>; faults: Record<string, FieldErrors> } => {
    const values = new Map<string, unknown>();
    const found: Record<string, FieldErrors> = {};
    for (const { row } of ticked) {
      if (row.draft === undefined) continue;
      const result = typing?.enteredAs(row.kind, draftFor(row)) ?? { errors: {} };
      if ("value" in result) values.set(row.draft, result.value);
      else found[row.draft] = result.errors;
    }
    return { values, faults: found };
  };

  const { values } = typed();
  const ready = ticked.filter(({ row }) => row.draft === undefined || values.has(row.draft));
  const { leavesOf, linesOf } = usePreview(request.details, ready, values, filters, now);

  const share = useAction(async () => {
    const at = Date.now();
    const entered = typed();
    const details = grantedOf(request.details, picks, { until: until.value, actions: actions.value, filters }, at);
    faults.value = entered.faults;
    dayFault.value = details === undefined;
    const wrong = Object.values(entered.faults).flatMap((each) => Object.keys(each)).length + (details === undefined ? 1 : 0);
    if (details === undefined || Object.keys(entered.faults).length > 0) {
      say(t.invalid(wrong));
      focusFault(form.current);
      return;
    }
    const notice = { text: noticeText(request.client, details), language: words().tag };
    onShared(await vault.approve({ request: request.id, details, edits: editsOf(picks, entered.values), notice }));
  });

  const kitFirst = !store.kit.confirmed && (store.connections.length > 0 || Date.parse(store.kit.due) <= now);
  const blocked = useComputed(() => {
    if (request.keyMatches === "no") return t.yesMismatch;
    if (!vault.online.value) return t.yesOffline;
    if (vault.store.value?.alarms.length) return t.yesAlarm;
    return kitFirst ? t.yesKit : undefined;
  }).value;
  const nothing = chosen.some((each) => each?.empty) ? t.yesNothing : undefined;
  const stored = ({ kind }: Row): number => store.records.filter((each) => each.kind === kind.path && each.value !== null).length;
  const several = request.details.length > 1;
  const error = share.error.value;
  return (
    <div ref={form}>
      {(noTyping || noWhole) && (
        <Notice tone="stamped" alert>
          <p>{words().state.notLoaded}</p>
          <button type="button" class="text-btn" onClick={() => location.reload()}>
            {words().state.retry}
          </button>
        </Notice>
      )}
      {request.existing !== null && (
        <Notice tone="seal" rule="C12">
          <p>{t.existing(request.client.client_name)}</p>
        </Notice>
      )}
      {request.details.map((detail, at) => (
        <section class="group" key={at}>
          <h2>{several ? purposeWords(detail.purpose).short : t.why}</h2>
          <Purpose detail={detail} />
          <h2 id={`what-${at}`} tabIndex={-1}>
            {t.what}
          </h2>
          <div data-rule="C3">
            {(groups[at] ?? []).map((item) => (
              <fieldset key={item.path}>
                <legend class="vh">{kindTitle(item.path)}</legend>
                <ul class="items">
                  {item.rows.map((row) =>
                    row.whole ? (
                      whole && (
                        <whole.CollectionRow
                          key={row.id}
                          title={chipOf(item.path)}
                          row={row}
                          choice={choiceOf(row)}
                          necessity={detail.necessity}
                          diff={request.existing !== null}
                          count={stored(row)}
                          onChoice={(choice) => {
                            choices.value = { ...choices.value, [row.id]: choice };
                          }}
                          asked={detail.filter}
                          which={which.value[at] ?? NOTHING}
                          offer={
                            ticked.find((each) => each.row.whole && each.row.detail === at)?.row.id === row.id
                              ? chosen[at]?.offer
                              : undefined
                          }
                          onWhich={(next) => {
                            which.value = { ...which.value, [at]: next };
                          }}
                          leaves={linesOf({ row, form: choiceOf(row).form })}
                          once={until.value.kind === "once"}
                        />
                      )
                    ) : (
                      <ItemRow
                        key={row.id}
                        row={row}
                        choice={choiceOf(row)}
                        necessity={detail.necessity}
                        diff={request.existing !== null}
                        leaves={leavesOf({ row, form: choiceOf(row).form })}
                        draft={draftFor(row)}
                        typing={typing}
                        typed={typing?.isEntered(row.kind, draftFor(row)) === true}
                        errors={faults.value[row.draft ?? ""] ?? {}}
                        onChoice={(choice) => {
                          choices.value = { ...choices.value, [row.id]: choice };
                        }}
                        onDraft={(draft) => {
                          const of = row.draft ?? "";
                          drafts.value = { ...drafts.value, [of]: draft };
                          faults.value = { ...faults.value, [of]: typing?.faultsLeft(row.kind, draft, faults.value[of] ?? {}) ?? {} };
                        }}
                      />
                    ),
                  )}
                </ul>
                {item.kind.many &&
                  item.kind.passes === undefined &&
                  item.path.split(":")[0] === item.kind.path &&
                  item.rows.every(isUsed) && (
                    <button
                      type="button"
                      class="text-btn"
                      onClick={() => {
                        const count = item.rows.filter((row) => row.draft !== undefined).length;
                        typedRows.value = { ...typedRows.value, [item.kind.path]: count + 1 };
                      }}
                    >
                      {t.another(kindWord(item.path))}
                    </button>
                  )}
              </fieldset>
            ))}
            {ticked.every(({ row }) => row.detail !== at) && <p class="note">{t.whatNone}</p>}
          </div>
          <MoreActions
            asked={detail.actions.filter((action) => action !== "read")}
            chosen={actions.value[at] ?? []}
            onChange={(chosen) => {
              actions.value = { ...actions.value, [at]: chosen };
            }}
          />
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
      {kitFirst && (
        <div class="group">
          <Notice tone="brass">
            <p>{t.kitFirst}</p>
            <a href={`/safety?then=/ask/${request.id}#kit`}>{t.kitFirstAction}</a>
          </Notice>
        </div>
      )}
      <Decide count={picks.length} blocked={blocked ?? nothing} busy={share.pending.value} onShare={share.run} onDecline={onDecline} />
      <PasskeyNote text={t.next} pending={share.pending.value} rule="C9-next" />
      {error !== undefined && (
        <Notice tone={codeOf(error) === "cancelled" ? "brass" : "stamped"} alert>
          <p>{t.failed(reasonOf(error))}</p>
        </Notice>
      )}
      <BlockShop client={request.client} onDecline={onDecline} />
    </div>
  );
}
