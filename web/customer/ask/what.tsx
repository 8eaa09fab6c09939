import type { ComponentChildren } from "preact";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { words } from "../../locales/words.ts";
import { chipOf, kindTitle, kindWord } from "../labels.ts";
import type { Choosing } from "./choosing.ts";
import { type Diff, ItemRow } from "./item-row.tsx";
import type { Item, Row } from "./items.ts";
import { MoreActions } from "./more-actions.tsx";

interface Props {
  detail: AuthorizationDetail;
  /** Place of the object in the request. */
  at: number;
  choosing: Choosing;
  /** How many values of a kind are in the store. */
  stored: (row: Row) => number;
  diff: Diff;
  /** Actions beyond reading that are allowed now. */
  allowed?: readonly string[];
  /** What it no longer asks for. */
  children?: ComponentChildren;
}

/** What one object of a request asks for (C3): a box for each value, all of them off. */
export function What({ detail, at, choosing, stored, diff, allowed, children }: Props) {
  const { ask: t } = words();
  const { ticked, choiceOf, actions, until } = choosing;
  const common = (row: Row) => ({
    row,
    choice: choiceOf(row),
    necessity: detail.necessity,
    diff,
    onChoice: (choice: ReturnType<typeof choiceOf>) => choosing.choose(row, choice),
  });
  const whole = (item: Item, row: Row) =>
    choosing.whole && (
      <choosing.whole.CollectionRow
        key={row.id}
        {...common(row)}
        title={chipOf(item.path)}
        count={stored(row)}
        asked={detail.filter}
        which={choosing.whichOf(at)}
        offer={ticked.find((each) => each.row.whole && each.row.detail === at)?.row.id === row.id ? choosing.chosen[at]?.offer : undefined}
        onWhich={(next) => {
          choosing.which.value = { ...choosing.which.value, [at]: next };
        }}
        leaves={choosing.linesOf({ row, form: choiceOf(row).form })}
        once={until.value.kind === "once"}
      />
    );
  const single = (row: Row) => (
    <ItemRow
      key={row.id}
      {...common(row)}
      leaves={choosing.leavesOf({ row, form: choiceOf(row).form })}
      draft={choosing.draftFor(row)}
      typing={choosing.typing}
      typed={choosing.typing?.isEntered(row.kind, choosing.draftFor(row)) === true}
      errors={choosing.faults.value[row.draft ?? ""] ?? {}}
      onDraft={(draft) => choosing.write(row, draft)}
    />
  );
  return (
    <>
      <h2 id={`what-${at}`} tabIndex={-1}>
        {t.what}
      </h2>
      <div data-rule="C3">
        {(choosing.groups[at] ?? []).map((item) => (
          <fieldset key={item.path}>
            <legend class="vh">{kindTitle(item.path)}</legend>
            <ul class="items">{item.rows.map((row) => (row.whole ? whole(item, row) : single(row)))}</ul>
            {takesAnother(item, choosing) && (
              <button type="button" class="text-btn" onClick={() => choosing.addTyped(item)}>
                {t.another(kindWord(item.path))}
              </button>
            )}
          </fieldset>
        ))}
        {children}
        {ticked.every(({ row }) => row.detail !== at) && <p class="note">{t.whatNone}</p>}
      </div>
      <MoreActions
        asked={detail.actions.filter((action) => action !== "read")}
        chosen={actions.value[at] ?? []}
        allowed={allowed}
        onChange={(next) => {
          actions.value = { ...actions.value, [at]: next };
        }}
      />
    </>
  );
}

/** Another value is offered only once there is a first. */
const takesAnother = ({ kind, path, rows }: Item, { choiceOf }: Choosing): boolean =>
  kind.many &&
  kind.passes === undefined &&
  path.split(":")[0] === kind.path &&
  rows.every((row) => row.draft === undefined || choiceOf(row).ticked);
