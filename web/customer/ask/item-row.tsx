import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import type { Draft, FieldErrors } from "../../parts/draft.ts";
import { formWords, kindTitle, kindWord } from "../labels.ts";
import { valueText } from "../values.ts";
import type { Row } from "./items.ts";

export interface RowChoice {
  ticked: boolean;
  form: string | undefined;
}

/** Where the same shop reads already, what is new is marked: in a further request of it (`again`), or in one that changes what is in force. */
export type Diff = "none" | "again" | "change";

interface Props {
  row: Row;
  choice: RowChoice;
  necessity: "required" | "optional";
  diff: Diff;
  /** What would leave, from the vault; undefined while it is looked up, null where there is nothing yet. */
  leaves: string | null | undefined;
  /** What typing needs, once it has come. */
  typing: typeof import("./typed-value.tsx") | undefined;
  draft: Draft;
  /** Something is typed in it. */
  typed: boolean;
  errors: FieldErrors;
  onChoice: (choice: RowChoice) => void;
  onDraft: (draft: Draft) => void;
}

/** One box (C3). Ticking it shows the value of the least form; wider ones stand beside it. */
export function ItemRow(props: Props) {
  const { row, choice, leaves, typing } = props;
  const { ask: t } = words();
  const id = useId();
  const open = row.draft !== undefined && (choice.ticked || props.typed);
  const title = row.draft === undefined ? kindTitle(row.base) : t.add(kindWord(row.base));
  // Tells one member of a collection from the others before it is ticked: to the owner alone, so the whole value.
  const line = valueText(row.value);
  return (
    <li class="item">
      <label class="row">
        <input
          type="checkbox"
          data-kind={row.kind.path}
          checked={choice.ticked}
          onChange={(event) => props.onChoice({ ...choice, ticked: event.currentTarget.checked })}
        />
        <span>
          <strong>{title}</strong> <span class="opt">{props.necessity === "required" ? t.needed : t.optional}</span>{" "}
          <Tag row={row} diff={props.diff} />
          {line && <span class="sub">{line}</span>}
        </span>
      </label>
      {(open || choice.ticked) && (
        <div class="indent">
          {open && (
            <>
              {choice.ticked && row.forms.length > 1 && <Forms id={id} {...props} />}
              {typing && <typing.TypedFields id={id} kind={row.kind} draft={props.draft} errors={props.errors} onChange={props.onDraft} />}
              <p class="note">{t.draftNote}</p>
            </>
          )}
          {choice.ticked && (
            <>
              <p class="leaves" aria-live="polite">
                <span class="note">{t.sees}</span>
                <output>{leaves === undefined ? t.seesPending : (leaves ?? t.seesNothing)}</output>
              </p>
              {!open && row.forms.length > 1 && <Forms id={id} {...props} />}
            </>
          )}
        </div>
      )}
    </li>
  );
}

/** Whether the shop has it now, and in which form; and whether it asks for more of it. */
export function Tag({ row: { base, forms, held }, diff }: { row: Row; diff: Diff }) {
  const { ask: t } = words();
  if (diff === "none") return null;
  if (held === null) return <span class="tag-new">· {t.fresh}</span>;
  const isMore = diff === "change" && held.form !== forms.at(-1);
  return (
    <>
      <span class="opt">· {isMore ? t.change.alreadyAs(formWords(base, held.form)) : t.already}</span>{" "}
      {isMore && <span class="tag-new">· {t.change.moreOfIt}</span>}
    </>
  );
}

/** How much of it, least first. */
export function Forms({ id, row, choice, diff, onChoice }: Pick<Props, "row" | "choice" | "diff" | "onChoice"> & { id: string }) {
  const { ask: t } = words();
  const heldAt = diff === "change" && row.held !== null ? row.forms.indexOf(row.held.form) : undefined;
  return (
    <fieldset>
      <legend class="vh">{t.howMuch}</legend>
      {row.forms.map((form, at) => (
        <label class="choice" key={form ?? ""}>
          <input
            type="radio"
            name={`${id}-form`}
            data-form={form ?? ""}
            checked={choice.form === form}
            onChange={() => onChoice({ ...choice, form })}
          />
          <span>
            {formWords(row.base, form)} {heldAt === at && <span class="opt">{t.change.asNowForm}</span>}
            {heldAt !== undefined && at > heldAt && <span class="tag-new">· {t.fresh}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
