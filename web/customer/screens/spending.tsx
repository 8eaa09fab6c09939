import { useComputed, useSignal } from "@preact/signals";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { Opened } from "../opened.tsx";
import { boughtOf, FOR_WHOM, yearsOf } from "../purchases/bought.ts";
import { decisionsOf } from "../purchases/decisions.ts";
import { recipientWord } from "../purchases/labels.ts";
import { Choice } from "../purchases/search-fields.tsx";
import { spendingOf } from "../purchases/spending.ts";
import { SpentIn } from "../purchases/spent-in.tsx";
import { useVault } from "../vault-context.ts";

export function Spending() {
  const { purchases: t } = words();
  return (
    <>
      <p class="crumb no-print">
        <a href="/data/purchases">{t.back}</a>
      </p>
      <Opened title={t.spending.title}>{() => <Spent />}</Opened>
    </>
  );
}

function Spent() {
  const vault = useVault();
  const { purchases: t } = words();
  const decisions = decisionsOf(vault);
  const everything = useComputed(() => (vault.store.value === undefined ? [] : boughtOf(vault.store.value, decisions.waiting.value)));
  const all = everything.value;
  const years = yearsOf(all);
  /** Empty: all years. */
  const chosen = useSignal<string | undefined>(undefined);
  const recipient = useSignal<Recipient | "">("");
  const year = chosen.value ?? years[0] ?? "";
  if (all.length === 0)
    return (
      <>
        <p class="lead">{t.emptyLead}</p>
        <a class="btn" href="/data/import">
          {t.import}
        </a>
      </>
    );
  const purchases = all.map(({ value }) => value).filter((each) => recipient.value === "" || each.recipient === recipient.value);
  const { currencies, unpriced } = spendingOf(purchases, year === "" ? undefined : year);
  return (
    <>
      <p class="lead">{t.spending.lead}</p>
      <div class="filters">
        <Choice
          name={t.year}
          none={t.spending.allYears}
          value={year}
          onChange={(next) => {
            chosen.value = next;
          }}
        >
          {years.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </Choice>
        <Choice
          name={t.forWhom}
          none={t.spending.everyone}
          value={recipient.value}
          onChange={(next) => {
            recipient.value = next as Recipient | "";
          }}
        >
          {FOR_WHOM.map((each) => (
            <option key={each} value={each}>
              {recipientWord(each)}
            </option>
          ))}
        </Choice>
      </div>
      <div role="status">
        {unpriced > 0 && <p class="note">{t.spending.unpriced(unpriced)}</p>}
        {currencies.length > 1 && <p class="note">{t.spending.apart}</p>}
        {currencies.length === 0 && <p>{t.spending.none}</p>}
      </div>
      {currencies.map((each) => (
        <SpentIn key={each.currency} spending={each} year={year} recipient={recipient.value} />
      ))}
    </>
  );
}
