import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { earlierDays, endOfDay } from "./earlier-days.ts";

/** A last day before the one that was agreed. */
export function EarlierField({ expires, now, onChange }: { expires: string; now: number; onChange: (end: number | undefined) => void }) {
  const { tag, connection: t, field } = words();
  const id = useId();
  const value = useSignal("");
  const days = earlierDays(expires, now);
  if (days === undefined) return null;
  const isWrong = value.value !== "" && endOfDay(value.value, days) === undefined;
  return (
    <div class="field">
      <label for={id}>{t.less.lastDay}</label>
      <input
        id={id}
        type="date"
        min={days.min}
        max={days.max}
        value={value.value}
        aria-invalid={isWrong ? true : undefined}
        aria-describedby={`${id}-note`}
        onInput={(event) => {
          value.value = event.currentTarget.value;
          onChange(endOfDay(value.value, days));
        }}
      />
      <p class={isWrong ? "err" : "note"} id={`${id}-note`}>
        {isWrong && `${field.missing.date} `}
        {t.less.endsNow(day(tag, expires))}
      </p>
    </div>
  );
}
