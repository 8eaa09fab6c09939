import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { checked, type Draft, draftOf, type FieldErrors, isBlank, stillWrong } from "../../parts/draft.ts";
import { codeOf, reasonOf } from "../../parts/error-state.tsx";
import { Notice } from "../../parts/notice.tsx";
import { PasskeyNote } from "../../parts/passkey-note.tsx";
import { fieldsOf } from "../../parts/schema-fields.ts";
import { say } from "../../parts/status.tsx";
import type { RequestViewModel, SharedValue, StoreView } from "../../vault/vault.ts";
import { consequenceWords, kindTitle, kindWord, purposeWords } from "../labels.ts";
import { Purpose } from "../purpose.tsx";
import { focusFault } from "../record-form.tsx";
import { Terms } from "../terms.tsx";
import { valueText } from "../values.ts";
import { useVault } from "../vault-context.ts";
import { Decide } from "./decide.tsx";
import { actionsOf, editsOf, grantedOf, type Pick, pathOf } from "./granted.ts";
import { ItemRow, type RowChoice } from "./item-row.tsx";
import { itemsOf, type Row } from "./items.ts";
import { noticeText } from "./notice-text.ts";
import type { Until } from "./until.ts";
import { UntilField } from "./until-field.tsx";

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
  const leaving = useSignal<ReadonlyMap<string, SharedValue>>(new Map());

  const groups = itemsOf(request.details, store, typedRows.value, request.existing, new Date(now));
  const rows = groups.flat().flatMap((item) => item.rows);
  const choiceOf = (row: Row): RowChoice => choices.value[row.id] ?? { ticked: false, form: row.forms[0] };
  /** Another one is offered only once there is a first. */
  const isUsed = (row: Row): boolean => row.draft === undefined || choiceOf(row).ticked;
  const draftFor = (row: Row): Draft => drafts.value[row.draft ?? ""] ?? draftOf(fieldsOf(row.kind.schema), undefined);
  const ticked: Pick[] = rows.map((row) => ({ row, ...choiceOf(row) })).filter((each) => each.ticked);
  /** Of an object that asks to do something besides reading, and not to read, nothing is shared before that is ticked. */
  const picks = ticked.filter(({ row }) => actionsOf(request.details[row.detail], actions.value[row.detail]).length > 0);
  const typed = (): { values: Map<string, unknown>; faults: Record<string, FieldErrors> } => {
    const values = new Map<string, unknown>();
    const found: Record<string, FieldErrors> = {};
    for (const { row } of ticked) {
      if (row.draft === undefined) continue;
      const result = checked(row.kind.schema, fieldsOf(row.kind.schema), draftFor(row));
      if ("value" in result) values.set(row.draft, result.value);
      else found[row.draft] = result.errors;
    }
    return { values, faults: found };
  };

  const { values } = typed();
  const ready = ticked.filter(({ row }) => row.draft === undefined || values.has(row.draft));
  const preview = JSON.stringify([ready.map(({ row, form }) => [row.id, form]), [...values]]);
  useEffect(() => {
    const details = grantedOf(
      request.details,
      ready,
      { until: { kind: "once" }, actions: request.details.map((each) => each.actions) },
      now,
    );
    if (details === undefined) return undefined;
    let stale = false;
    vault
      .preview(details, editsOf(ready, values))
      .then((shown) => {
        if (!stale) leaving.value = new Map(shown.map((each) => [each.path, each]));
      })
      .catch(() => undefined);
    return () => {
      stale = true;
    };
  }, [preview]);
  const leavesOf = (row: Row): string | null | undefined => {
    if (row.draft !== undefined && !values.has(row.draft)) return null;
    const shown = leaving.value.get(pathOf({ row, form: choiceOf(row).form }));
    return shown === undefined ? undefined : valueText(shown.value) || null;
  };

  const share = useAction(async () => {
    const at = Date.now();
    const entered = typed();
    const details = grantedOf(request.details, picks, { until: until.value, actions: actions.value }, at);
    faults.value = entered.faults;
    dayFault.value = details === undefined;
    const wrong = Object.values(entered.faults).flatMap((each) => Object.keys(each)).length + (details === undefined ? 1 : 0);
    if (details === undefined || wrong > 0) {
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
  const several = request.details.length > 1;
  const error = share.error.value;
  return (
    <div ref={form}>
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
                  {item.rows.map((row) => (
                    <ItemRow
                      key={row.id}
                      row={row}
                      choice={choiceOf(row)}
                      necessity={detail.necessity}
                      diff={request.existing !== null}
                      leaves={leavesOf(row)}
                      draft={draftFor(row)}
                      typed={!isBlank(fieldsOf(row.kind.schema), draftFor(row))}
                      errors={faults.value[row.draft ?? ""] ?? {}}
                      onChoice={(choice) => {
                        choices.value = { ...choices.value, [row.id]: choice };
                      }}
                      onDraft={(draft) => {
                        const of = row.draft ?? "";
                        drafts.value = { ...drafts.value, [of]: draft };
                        const { schema } = row.kind;
                        faults.value = { ...faults.value, [of]: stillWrong(schema, fieldsOf(schema), draft, faults.value[of] ?? {}) };
                      }}
                    />
                  ))}
                </ul>
                {item.kind.many && item.path.split(":")[0] === item.kind.path && item.rows.every(isUsed) && (
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
          <Terms detail={until.value.kind === "once" ? { ...detail, frequency: { max: 1 } } : detail} />
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
      <Decide count={picks.length} blocked={blocked} busy={share.pending.value} onShare={share.run} onDecline={onDecline} />
      <PasskeyNote text={t.next} pending={share.pending.value} rule="C9-next" />
      {error !== undefined && (
        <Notice tone={codeOf(error) === "cancelled" ? "brass" : "stamped"} alert>
          <p>{t.failed(reasonOf(error))}</p>
        </Notice>
      )}
    </div>
  );
}

/** What else the shop may do, off until ticked. */
function MoreActions({
  asked,
  chosen,
  onChange,
}: {
  asked: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}) {
  const { ask: t } = words();
  if (asked.length === 0) return null;
  return (
    <fieldset class="group">
      <legend>{t.also}</legend>
      {asked.map((action) => (
        <label class="choice" key={action}>
          <input
            type="checkbox"
            checked={chosen.includes(action)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, action] : chosen.filter((each) => each !== action))}
          />
          {(t.actions as Record<string, string>)[action] ?? action}
        </label>
      ))}
    </fieldset>
  );
}
