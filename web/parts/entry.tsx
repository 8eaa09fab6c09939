import type { ComponentChildren } from "preact";
import { words } from "../locales/words.ts";

/** What a control takes over from its entry. */
export interface EntryProps {
  id: string;
  "aria-invalid": true | undefined;
  "aria-describedby": string | undefined;
}

/** A control with its label, its hint, and its fault tied to it: for forms that are laid out by hand. */
export function Entry(props: {
  id: string;
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  optional?: boolean;
  children: (control: EntryProps) => ComponentChildren;
}) {
  const { id, hint, fault } = props;
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {props.label} {props.optional && <span class="opt">({words().field.optional})</span>}
      </label>
      {props.children({ id, "aria-invalid": fault ? true : undefined, "aria-describedby": describedby || undefined })}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {fault && (
        <p class="err" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  );
}
