import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";

/** A kit's code, or something else printed on it: pasting allowed, no completion, no spelling. */
export function CodeField({
  label,
  hint,
  value,
  fault,
}: {
  label: string;
  hint?: string | undefined;
  value: Signal<string>;
  fault?: string | undefined;
}) {
  const id = useId();
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="code-input"
        type="text"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        value={value.value}
        aria-invalid={fault ? true : undefined}
        aria-describedby={describedby || undefined}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {fault && (
        <p class="err" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  );
}
