import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";

/** The address of a server. */
export function AddressField(props: { label: string; hint?: string; value: Signal<string>; fault: string | undefined }) {
  const { label, hint, value, fault } = props;
  const id = useId();
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="url"
        inputMode="url"
        autocomplete="off"
        autocapitalize="none"
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
