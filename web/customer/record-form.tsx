import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Kind } from "#protocol/categories.ts";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { checked, type Draft, draftOf, type FieldErrors, stillWrong } from "../parts/draft.ts";
import { ErrorState } from "../parts/error-state.tsx";
import { Fields } from "../parts/field.tsx";
import { fieldsOf } from "../parts/schema-fields.ts";
import { useVault } from "./vault-context.ts";

/** Adds or changes one value of a kind. `path`: the record's, or the collection's for a new member. */
export function RecordForm(props: { kind: Kind; path: string; value: unknown; onSaved: () => void; onCancel: () => void }) {
  const { kind } = props;
  const vault = useVault();
  const t = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const fields = fieldsOf(kind.schema);
  const draft = useSignal<Draft>(draftOf(fields, props.value));
  const errors = useSignal<FieldErrors>({});
  const save = useAction(async (value: unknown) => {
    await vault.save({ path: props.path, value });
    props.onSaved();
  });
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!vault.online.value) return;
    const result = checked(kind.schema, fields, draft.value);
    errors.value = "errors" in result ? result.errors : {};
    if ("value" in result) save.run(result.value);
    else focusFault(form.current);
  };
  const online = vault.online.value;
  return (
    <form ref={form} onSubmit={submit} noValidate class="panel">
      <Fields
        id={id}
        fields={fields}
        draft={draft.value}
        errors={errors.value}
        onChange={(next) => {
          draft.value = next;
          errors.value = stillWrong(kind.schema, fields, next, errors.value);
        }}
      />
      <div class="row-of-buttons">
        <button type="submit" class="btn" aria-disabled={!online || undefined}>
          {online ? (save.pending.value ? t.data.saving : t.data.save) : t.data.offlineSave}
        </button>
        <button type="button" class="text-btn" onClick={props.onCancel}>
          {t.state.cancel}
        </button>
      </div>
      <ErrorState error={save.error.value} />
    </form>
  );
}

/** After the faults have been drawn. */
export function focusFault(within: HTMLElement | null): void {
  requestAnimationFrame(() => within?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
}
