import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { milliseconds } from "#protocol/duration.ts";
import { frequencyIsWider } from "#protocol/narrow.ts";
import { covers } from "#protocol/paths.ts";
import type { Choosing } from "./choosing.ts";
import type { FilterChoice } from "./collection.ts";

type Detail = AuthorizationDetail;

/** More than it may do now, which a change asks for besides data (C12): each by itself, off until ticked. */
export type Extra =
  | { readonly at: number; readonly term: "retention" | "frequency" }
  | { readonly at: number; readonly term: "recipients" | "storage_countries"; readonly name: string };

export const extraId = (extra: Extra): string => [extra.at, extra.term, "name" in extra ? extra.name : ""].join("/");

/** What it asks for beyond what is in force, object by object; of a new purpose nothing by itself. */
export const extrasOf = (asked: AuthorizationDetails, now: ReadonlyArray<Detail | undefined>): Extra[] =>
  asked.flatMap((detail, at): Extra[] => {
    const old = now[at];
    if (old === undefined) return [];
    const named = (term: "recipients" | "storage_countries"): Extra[] =>
      (detail[term] ?? []).filter((name) => !(old[term] ?? []).includes(name)).map((name) => ({ at, term, name }));
    return [
      ...(milliseconds(detail.retention) > milliseconds(old.retention) ? [{ at, term: "retention" } as const] : []),
      ...(canKeepFrequency(detail, old) && frequencyIsWider(detail.frequency, old.frequency) ? [{ at, term: "frequency" } as const] : []),
      ...named("recipients"),
      // Where one of the two names no country, there is nothing to choose: what it says of the place comes with it.
      ...(old.storage_countries === undefined ? [] : named("storage_countries")),
    ];
  });

const canKeepFrequency = (asked: Detail, old: Detail): boolean => !frequencyIsWider(old.frequency, asked.frequency);

/**
 * The most that may be granted of what was asked: as it is now where the customer didn't tick more. `kept`: until when, too. No wider
 * than what was asked, and of an object in force no wider than that but for its paths, filter and actions, and what was ticked.
 */
export function bounded(
  asked: AuthorizationDetails,
  now: ReadonlyArray<Detail | undefined>,
  ticked: ReadonlySet<string>,
  kept: boolean,
): AuthorizationDetails {
  const latest = Math.max(...now.map((each) => (each === undefined ? 0 : Date.parse(each.expires))));
  return asked.map((detail, at): Detail => {
    const old = now[at];
    const end = kept ? Math.min(Date.parse(detail.expires), old === undefined ? latest : Date.parse(old.expires)) : undefined;
    const until = end === undefined ? {} : { expires: end === Date.parse(detail.expires) ? detail.expires : second(end) };
    if (old === undefined) return { ...detail, ...until };
    const isTicked = (extra: Extra): boolean => ticked.has(extraId(extra));
    const names = (term: "recipients" | "storage_countries"): string[] | undefined =>
      detail[term]?.filter(
        (name) => old[term]?.includes(name) || (term !== "recipients" && old[term] === undefined) || isTicked({ at, term, name }),
      );
    const shorter = milliseconds(old.retention) < milliseconds(detail.retention) && !isTicked({ at, term: "retention" });
    const seldomer = canKeepFrequency(detail, old) && !isTicked({ at, term: "frequency" });
    const recipients = names("recipients");
    const countries = names("storage_countries");
    return {
      ...detail,
      ...until,
      ...(shorter ? { retention: old.retention } : {}),
      ...(seldomer && old.frequency !== undefined ? { frequency: old.frequency } : {}),
      ...(recipients === undefined ? {} : { recipients }),
      ...(countries === undefined ? {} : { storage_countries: countries }),
    };
  });
}

const second = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** Paths in force that it no longer asks for, or asks for in a lesser form. */
export const noLonger = (asked: Detail, old: Detail | undefined): string[] =>
  (old?.paths ?? []).filter((path) => !asked.paths.some((wide) => covers(wide, path)));

/** Ticks what is in force, in the form that it has, as far as it is asked for; or all of it off again. */
export function keepAll(
  { rows, choose, which, actions }: Choosing,
  asked: AuthorizationDetails,
  now: ReadonlyArray<Detail | undefined>,
  choiceOf: (now: Detail["filter"], asked: Detail["filter"]) => FilterChoice,
  on: boolean,
): void {
  for (const row of rows) if (isHeld(row, now)) choose(row, { ticked: on, form: row.held.form });
  which.value = on ? Object.fromEntries(asked.map((detail, at) => [at, choiceOf(now[at]?.filter, detail.filter)])) : {};
  actions.value = Object.fromEntries(
    asked.map((detail, at) => [at, on ? detail.actions.filter((each) => each !== "read" && now[at]?.actions.includes(each)) : []]),
  );
}

type Row = Choosing["rows"][number];
export const isHeld = (row: Row, now: ReadonlyArray<Detail | undefined>): row is Row & { held: NonNullable<Row["held"]> } =>
  row.held !== null && now[row.detail] !== undefined;
