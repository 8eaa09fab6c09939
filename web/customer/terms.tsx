import type { ComponentChildren } from "preact";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { words } from "../locales/words.ts";
import { countryName, isInEea } from "../parts/countries.ts";
import { filterWords } from "./ask/filter-words.ts";
import { periodWords } from "./labels.ts";

function oftenText(detail: AuthorizationDetail): string {
  const t = words().ask;
  const { frequency } = detail;
  if (frequency === undefined) return t.oftenFree;
  if (frequency.per === undefined) return frequency.max === 1 ? t.oftenOnce : t.oftenMost(frequency.max);
  return t.oftenPer(frequency.max, periodWords(frequency.per));
}

/** What a shop must keep to, in the same words when it asks and afterwards. */
export function Terms({ detail }: { detail: AuthorizationDetail }) {
  const { tag, ask: t } = words();
  const { filter, recipients = [], storage_countries: countries = [] } = detail;
  const only = filterWords(filter);
  return (
    <dl class="facts">
      <Fact rule="C5" name={t.often}>
        {oftenText(detail)}
      </Fact>
      <Fact rule="C6" name={t.keeps}>
        {t.keepsFor(periodWords(detail.retention))}
      </Fact>
      <Fact rule="C7" name={t.who}>
        {recipients.length === 0 ? t.whoNone : recipients.join(", ")}
      </Fact>
      <Fact rule="C7" name={t.where}>
        {countries.length === 0
          ? t.whereNone
          : countries.map((code, at) => (
              <span key={code}>
                {at > 0 && ", "}
                {countryName(tag, code)}
                {!isInEea(code) && <strong class="soon"> ({t.outside})</strong>}
              </span>
            ))}
      </Fact>
      {only.length > 0 && <Fact name={t.only}>{only.join("; ")}</Fact>}
      <Fact rule="C13" name={t.alias}>
        {t.aliasText}
      </Fact>
    </dl>
  );
}

function Fact({ name, rule, children }: { name: string; rule?: string; children: ComponentChildren }) {
  return (
    <>
      <dt data-rule={rule}>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
