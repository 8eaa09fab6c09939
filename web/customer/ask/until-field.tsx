import { useId } from "preact/hooks";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { milliseconds } from "#protocol/duration.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { periodWords } from "../labels.ts";
import { dayBounds, latest, periodsOf, type Until } from "./until.ts";

/**
 * How long (C4): once is chosen, or of a connection that is changed what it is now; every other answer is the customer's own. There is no
 * "for ever".
 */
export function UntilField(props: {
  asked: AuthorizationDetails;
  now: number;
  until: Until;
  /** When the connection ends that would be changed: epoch milliseconds. */
  inForce?: number;
  fault: boolean;
  onChange: (until: Until) => void;
}) {
  const { asked, now, until, inForce } = props;
  const { tag, ask: t, field } = words();
  const id = useId();
  const { min, max } = dayBounds(asked, now);
  const option = (checked: boolean, text: string, note: string, pick: Until, key: string, end = 0) => (
    <label class="choice" key={key}>
      <input type="radio" name="until" value={key} checked={checked} onChange={() => props.onChange(pick)} />
      <span>
        {text} {inForce !== undefined && end > inForce && <span class="tag-new">· {t.change.later}</span>} <span class="opt">{note}</span>
      </span>
    </label>
  );
  return (
    <fieldset class="group" data-rule="C4">
      <legend>{t.until}</legend>
      {inForce === undefined
        ? option(until.kind === "once", t.once, t.onceNote, { kind: "once" }, "once")
        : option(
            until.kind === "kept",
            latest(asked, now) < inForce ? t.change.sooner : t.change.asNow,
            t.untilDate(day(tag, Math.min(inForce, latest(asked, now)))),
            { kind: "kept" },
            "kept",
          )}
      {periodsOf(asked, now).map((period) => {
        const end = Math.min(now + milliseconds(period), latest(asked, now));
        const chosen = until.kind === "period" && until.period === period;
        return option(chosen, periodWords(period), t.untilDate(day(tag, end)), { kind: "period", period }, period, end);
      })}
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
