import { words } from "../../locales/words.ts";
import type { Endings } from "./endings.ts";
import { hasPassed, type Wish } from "./intents.ts";
import { dayText, limitsOf } from "./limits.ts";

/** One wish in the list: what, its limits, who can read it, and what can be done with it. */
export function WishRow({ wish, today, endings }: { wish: Wish; today: string; endings: Endings }) {
  const { wanted: t } = words();
  const { record, intent } = wish;
  const { item, state } = intent;
  const id = record.path.split("/").at(-1);
  return (
    <>
      <h3>
        <a href={`/wanted/${id}`}>
          <bdi>{item}</bdi>
        </a>
      </h3>
      <Limits wish={wish} today={today} />
      {record.sharedWith.length > 0 && <p class="note">{t.readers([...new Set(record.sharedWith.map((each) => each.name))].join(", "))}</p>}
      <div class="choices">
        {state === "open" ? (
          <>
            <button type="button" class="text-btn" aria-label={t.gotName(item)} onClick={() => endings.step.run(wish, "fulfilled")}>
              {t.got}
            </button>
            <button type="button" class="text-btn" aria-label={t.dropName(item)} onClick={() => endings.step.run(wish, "withdrawn")}>
              {t.drop}
            </button>
          </>
        ) : (
          <>
            <button type="button" class="text-btn" aria-label={t.reopenName(item)} onClick={() => endings.step.run(wish, "open")}>
              {t.reopen}
            </button>
            <button type="button" class="text-btn stop" aria-label={t.removeName(item)} onClick={() => endings.step.run(wish, "removed")}>
              {t.remove}
            </button>
          </>
        )}
      </div>
    </>
  );
}

/** Its state or day, and its limits, in one line. */
export function Limits({ wish: { intent }, today }: { wish: Wish; today: string }) {
  const { wanted: t } = words();
  const { state, ended, deadline, recipient } = intent;
  const passed = hasPassed(intent, today);
  const rest = [
    state === "open" ? undefined : ended === undefined ? t.states[state] : t.since(t.states[state], dayText(ended)),
    state === "open" && deadline !== undefined && !passed ? t.by(dayText(deadline)) : undefined,
    ...limitsOf(intent),
    recipient === undefined || recipient === "unknown" ? undefined : t.recipients[recipient],
  ].filter((each) => each !== undefined);
  return (
    <p class="note">
      {passed && deadline !== undefined && (
        <>
          <span class="soon">{t.was(dayText(deadline))}</span>
          {rest.length > 0 && " · "}
        </>
      )}
      {rest.join(" · ")}
    </p>
  );
}
