import { useId } from "preact/hooks";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { milliseconds } from "#protocol/duration.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { periodWords } from "../labels.ts";
import { dayBounds, latest, periodsOf, type Until } from "./until.ts";

/** How long (C4): once is chosen; every other answer is the customer's own. There is no "for ever". */
export function UntilField(props: {
  asked: AuthorizationDetails;
  now: number;
  until: Until;
  fault: boolean;
  onChange: (until: Until) => void;
}) {
  const { asked, now, until } = props;
  const { tag, ask: t, field } = words();
  const id = useId();
  const { min, max } = dayBounds(asked, now);
  const option = (checked: boolean, text: string, note: string, pick: Until, key: string) => (
    <label class="choice" key={key}>
      <input type="radio" name="until" value={key} checked={checked} onChange={() => props.onChange(pick)} />
      <span>
        {text} <span class="opt">{note}</span>
      </span>
    </label>
  );
  return (
    <fieldset class="group" data-rule="C4">
      <legend>{t.until}</legend>
      {option(until.kind === "once", t.once, t.onceNote, { kind: "once" }, "once")}
      {periodsOf(asked, now).map((period) =>
        option(
          until.kind === "period" && until.period === period,
          periodWords(period),
          t.untilDate(day(tag, Math.min(now + milliseconds(period), latest(asked, now)))),
          { kind: "period", period },
          period,
        ),
      )}
      {option(until.kind === "day", t.pick, t.pickBound(day(tag, latest(asked, now))), { kind: "day", day: "" }, "day")}
      {until.kind === "day" && (
        <div class="field indent">
          <label for={id}>{t.pickField}</label>
          <input
            id={id}
            type="date"
            min={min}
            max={max}
            value={until.day}
            aria-invalid={props.fault ? true : undefined}
            aria-describedby={props.fault ? `${id}-fault` : undefined}
            onInput={(event) => props.onChange({ kind: "day", day: event.currentTarget.value })}
          />
          {props.fault && (
            <p class="err" id={`${id}-fault`}>
              {field.missing.date} {t.pickBound(day(tag, latest(asked, now)))}.
            </p>
          )}
        </div>
      )}
    </fieldset>
  );
}
