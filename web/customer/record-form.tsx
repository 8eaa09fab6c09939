import { useSignal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import type { Kind } from "#protocol/kind.ts";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { checked, type Draft, draftOf, type FieldErrors, stillWrong } from "../parts/draft.ts";
import { codeOf, ErrorState } from "../parts/error-state.tsx";
import { Fields } from "../parts/field.tsx";
import { focusFault } from "../parts/focus-fault.ts";
import { Notice } from "../parts/notice.tsx";
import { RuleContext } from "../parts/rule-context.ts";
import { fieldsOf } from "../parts/schema-fields.ts";
import { tornFields } from "../parts/torn-fields.ts";
import { useTargets } from "./data/contact-fields.tsx";
import { valueText } from "./values.ts";
import { useVault } from "./vault-context.ts";

interface Props {
  kind: Kind;
  /** The record's, or the collection's for a new member. */
  path: string;
  value: unknown;
  /** Members that the form doesn't ask for: they go into the value as they are. */
  keep?: Readonly<Record<string, unknown>>;
  onSaved: () => void;
  onCancel: () => void;
}

const NOTHING: Readonly<Record<string, unknown>> = {};

/** Adds or changes one value of a kind. */
export function RecordForm(props: Props) {
  const { kind, keep = NOTHING } = props;
  const vault = useVault();
  const t = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const opened = useRef(props.value).current;
  const fields = useMemo(() => fieldsOf(kind.schema).filter(({ name }) => !Object.hasOwn(keep, name)), [kind, keep]);
  const draft = useSignal<Draft>(draftOf(fields, opened ?? undefined));
  const errors = useSignal<FieldErrors>({});
  const targets = useTargets();
  const ways = useMemo(() => ({ targets }), [targets]);
  const save = useAction(async (value: unknown) => {
    try {
      await vault.save({ path: props.path, value });
    } catch (thrown) {
      // Brings what the other device did, which is then shown beside what is typed.
      if (codeOf(thrown) === "stale") vault.refresh().catch(() => undefined);
      throw thrown;
    }
    props.onSaved();
  });
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!vault.online.value) return;
    const result = checked(kind.schema, fields, draft.value, keep);
    const torn = tornFields(form.current, id);
    errors.value = { ...("errors" in result ? result.errors : {}), ...torn };
    if ("value" in result && Object.keys(torn).length === 0) save.run(result.value);
    else focusFault(form.current);
  };
  const online = vault.online.value;
  return (
    <form ref={form} onSubmit={submit} noValidate class="panel">
      <RuleContext.Provider value={ways}>
        <Fields
          id={id}
          fields={fields}
          draft={draft.value}
          errors={errors.value}
          onChange={(next) => {
            draft.value = next;
            errors.value = stillWrong(kind.schema, fields, next, errors.value, keep);
          }}
        />
      </RuleContext.Provider>
      {!save.pending.value && <Meanwhile path={props.path} opened={opened} />}
      <div class="row-of-buttons">
        <button type="submit" class="btn" aria-disabled={!online || undefined}>
          {online ? (save.pending.value ? t.data.saving : t.data.save) : t.data.offlineSave}
        </button>
        <button type="button" class="text-btn" onClick={props.onCancel}>
          {t.state.cancel}
        </button>
      </div>
      <ErrorState error={save.error.value} safe={t.data.kept} />
    </form>
  );
}

/** What another device did to the record since its form was opened. What is typed here stays. */
function Meanwhile({ path, opened }: { path: string; opened: unknown }) {
  const t = words().data;
  const records = useVault().store.value?.records;
  const now = useMemo(() => records?.find((each) => each.path === path)?.value ?? null, [records, path]);
  if (JSON.stringify(now) === JSON.stringify(opened ?? null)) return null;
  return (
    <Notice tone="brass" alert>
      <p>{now === null ? t.gone : t.changed(valueText(now))}</p>
    </Notice>
  );
}
