import type { ComponentChildren } from "preact";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { milliseconds } from "#protocol/duration.ts";
import { words } from "../locales/words.ts";
import { countryName, isInEea } from "../parts/countries.ts";
import { filterWords } from "./ask/filter-words.ts";
import { periodWords } from "./labels.ts";

export function oftenText({ frequency }: Pick<AuthorizationDetail, "frequency">): string {
  const t = words().ask;
  if (frequency === undefined) return t.oftenFree;
  if (frequency.per === undefined) return frequency.max === 1 ? t.oftenOnce : t.oftenMost(frequency.max);
  return t.oftenPer(frequency.max, periodWords(frequency.per));
}

export const keepsText = ({ retention }: Pick<AuthorizationDetail, "retention">): string => words().ask.keepsFor(periodWords(retention));

/** Terms in force. `isSeldomer`, `isLooser`: it would read oftener, or more things; told, since the rules for them bring every kind along. */
export interface InForce {
  readonly detail: AuthorizationDetail;
  readonly isSeldomer: boolean;
  readonly isLooser: boolean;
}

/** What a shop must keep to, in the same words when it asks and afterwards. `now`: as it is, where that would change. */
export function Terms({ detail, now }: { detail: AuthorizationDetail; now?: InForce | undefined }) {
  const { ask: t } = words();
  const before = now?.detail;
  const only = filterWords(detail.filter).join("; ");
  const onlyNow = before && filterWords(before.filter).join("; ");
  return (
    <dl class="facts">
      <Fact rule="C5" name={t.often}>
        <Changed text={oftenText(detail)} was={before && oftenText(before)} isMore={now?.isSeldomer === true} />
      </Fact>
      <Fact rule="C6" name={t.keeps}>
        <Changed
          text={keepsText(detail)}
          was={before && keepsText(before)}
          isMore={before !== undefined && milliseconds(detail.retention) > milliseconds(before.retention)}
        />
      </Fact>
      <Fact rule="C7" name={t.who}>
        <Names now={detail.recipients} was={before && (before.recipients ?? [])} none={t.whoNone} text={(name) => name} />
      </Fact>
      <Fact rule="C7" name={t.where}>
        <Names
          now={detail.storage_countries}
          was={before && (before.storage_countries ?? [])}
          none={t.whereNone}
          text={(code) => <Country code={code} />}
        />
      </Fact>
      {(only !== "" || (onlyNow ?? "") !== "") && (
        <Fact name={t.only}>
          <Changed text={only || t.change.all} was={onlyNow === "" ? t.change.all : onlyNow} isMore={now?.isLooser === true} />
        </Fact>
      )}
      <Fact rule="C13" name={t.alias}>
        {t.aliasText}
      </Fact>
    </dl>
  );
}

function Country({ code }: { code: string }) {
  const { tag, ask: t } = words();
  return (
    <span>
      {countryName(tag, code)}
      {!isInEea(code) && <strong class="soon"> ({t.outside})</strong>}
    </span>
  );
}

/** One of the terms: as it is now struck, before what it would be. */
export function Changed({ text, was, isMore }: { text: string; was: string | undefined; isMore: boolean }) {
  const { ask: t } = words();
  if (was === undefined || was === text) return <>{text}</>;
  return (
    <>
      <span class="gone">
        <del>{was}</del> {t.change.noLonger}
      </span>
      , {isMore && <span class="tag-new">{t.fresh}:</span>} {text}
    </>
  );
}

/** Several names: those that are new with their sign, those that go struck. */
export function Names(props: {
  now: readonly string[] | undefined;
  was: readonly string[] | undefined;
  none: string;
  text: (name: string) => ComponentChildren;
}) {
  const { ask: t } = words();
  const { now = [], was = now, text } = props;
  const all = [...now, ...was.filter((name) => !now.includes(name))];
  if (all.length === 0) return <>{props.none}</>;
  return (
    <>
      {all.map((name, at) => (
        <span key={name}>
          {at > 0 && ", "}
          {!now.includes(name) ? (
            <span class="gone">
              <del>{text(name)}</del> {t.change.noLonger}
            </span>
          ) : was.includes(name) ? (
            text(name)
          ) : (
            <>
              <span class="tag-new">{t.fresh}:</span> {text(name)}
            </>
          )}
        </span>
      ))}
    </>
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
