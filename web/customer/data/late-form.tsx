import { signal } from "@preact/signals";
import type { ComponentProps } from "preact";
import { useEffect } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { Notice } from "../../parts/notice.tsx";
import { Outline } from "../../parts/outline.tsx";
import type { RecordForm } from "../record-form.tsx";

const form = signal<typeof RecordForm | "missing" | undefined>(undefined);

/** Fetches the form and its fields, which come after the page that shows the data. */
export function bringForm(): void {
  if (form.peek() !== undefined && form.peek() !== "missing") return;
  import("../record-form.tsx").then(
    (it) => {
      form.value = it.RecordForm;
    },
    () => {
      form.value = "missing";
    },
  );
}

/** RecordForm, as soon as it is there. */
export function LateForm(props: ComponentProps<typeof RecordForm>) {
  useEffect(bringForm, []);
  const Form = form.value;
  const t = words().state;
  if (Form === undefined) return <Outline />;
  if (Form !== "missing") return <Form {...props} />;
  return (
    <Notice tone="stamped" alert>
      <p>{t.notLoaded}</p>
      <div class="row-of-buttons">
        <button type="button" class="text-btn" onClick={bringForm}>
          {t.retry}
        </button>
        <button type="button" class="text-btn" onClick={props.onCancel}>
          {t.cancel}
        </button>
      </div>
    </Notice>
  );
}
