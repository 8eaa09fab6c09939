import type { Purchase } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ago, calendarDay } from "../../parts/dates.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { say } from "../../parts/status.tsx";
import { useVault } from "../vault-context.ts";
import type { Bought } from "./bought.ts";
import { daysUntil, plusDays, plusYears } from "./calendar.ts";
import { NEARLY, returnsSoon, underWarranty } from "./find.ts";

/** "in 18 days", between days of the calendar. */
function whenText(day: string, today: string): string {
  const { tag } = words();
  return ago(tag, daysUntil(day, today) * 86_400_000, 0);
}

/** The ends that are near, in a line each; with `all` also the far ones. */
export function NearEnds({ value, today, all }: { value: Purchase; today: string; all: boolean }) {
  const { tag, purchases: t } = words();
  const { returnBy, warrantyUntil } = value;
  const nearly = warrantyUntil !== undefined && underWarranty(value, today) && (all || daysUntil(warrantyUntil, today) <= NEARLY);
  return (
    <>
      {returnBy !== undefined && returnsSoon(value, today) && (
        <p class="soon">
          {t.returnSoon(calendarDay(tag, returnBy), daysUntil(returnBy, today) === 0 ? todayWord() : whenText(returnBy, today))}
        </p>
      )}
      {nearly && <p class="soon">{t.warrantySoon(calendarDay(tag, warrantyUntil), whenText(warrantyUntil, today))}</p>}
    </>
  );
}

const todayWord = (): string => new Intl.RelativeTimeFormat(words().tag, { numeric: "auto" }).format(0, "day");

/** Return and warranty, with the usual periods at hand. */
export function Ends({ bought, today }: { bought: Bought; today: string }) {
  const vault = useVault();
  const { tag, purchases: t } = words();
  const { path, value } = bought;
  const set = useAction(async (part: Pick<Purchase, "returnBy"> | Pick<Purchase, "warrantyUntil">, what: string, day: string) => {
    await vault.save({ path, value: { ...value, ...part } });
    say(t.dateSet(what, calendarDay(tag, day)));
  });
  const shown = (day: string | undefined) =>
    day === undefined ? t.notSet : day < today ? t.over(calendarDay(tag, day)) : `${calendarDay(tag, day)}, ${whenText(day, today)}`;
  return (
    <>
      <dl class="facts">
        <dt>{t.returnBy}</dt>
        <dd>
          {shown(value.returnBy)}
          <span class="choices">
            {[14, 30].map((days) => {
              const returnBy = plusDays(value.date, days);
              return (
                <button
                  key={days}
                  type="button"
                  class="text-btn"
                  aria-label={t.fromPurchase(t.days(days), t.returnBy)}
                  onClick={() => set.run({ returnBy }, t.returnBy, returnBy)}
                >
                  {`+ ${t.days(days)}`}
                </button>
              );
            })}
          </span>
        </dd>
        <dt>{t.warrantyUntil}</dt>
        <dd>
          {shown(value.warrantyUntil)}
          <span class="choices">
            {[1, 2, 3].map((years) => {
              const warrantyUntil = plusYears(value.date, years);
              return (
                <button
                  key={years}
                  type="button"
                  class="text-btn"
                  aria-label={t.fromPurchase(t.years(years), t.warrantyUntil)}
                  onClick={() => set.run({ warrantyUntil }, t.warrantyUntil, warrantyUntil)}
                >
                  {`+ ${t.years(years)}`}
                </button>
              );
            })}
          </span>
        </dd>
      </dl>
      <ErrorState error={set.error.value} />
    </>
  );
}
