import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface LineFieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly value: Signal<string>;
  readonly fault?: string | undefined;
}

/** One line that is copied from somewhere else: pasting allowed, no completion, no spelling. `input`: what kind of line it is. */
export function LineField({ label, hint, value, fault, input }: LineFieldProps & { readonly input: JSX.IntrinsicElements["input"] }) {
  const id = useId();
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        autocomplete="off"
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
