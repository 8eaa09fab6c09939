import type { Filter } from "#protocol/authorization-details.ts";
import { digestAt } from "#protocol/categories.ts";
import type { Purchase, Recipient } from "#protocol/data/purchases.ts";
import type { Kind } from "#protocol/kind.ts";
import type { RecordView, StoreView } from "../../vault/vault.ts";
import { type Bought, countsOf, FOR_WHOM } from "../purchases/bought.ts";

/** Which of a collection may leave: what is ticked. Nothing is, at first. */
export interface FilterChoice {
  readonly categories: readonly string[];
  /** All kinds of thing that were asked for. */
  readonly all: boolean;
  /** One of `sincesOf`; undefined: the least of them. */
  readonly since: string | undefined;
  readonly recipients: readonly Recipient[];
}

/** The records of a kind that hold something. */
export const recordsOf = (store: StoreView, kind: Kind): Bought[] =>
  store.records.filter((each): each is RecordView & Bought => each.kind === kind.path && each.value !== null);

/** Those of the records that a filter lets through. */
export const passing = (records: readonly Bought[], kind: Kind, filter: Filter | undefined): Bought[] =>
  filter === undefined ? [...records] : records.filter(({ value }) => kind.passes?.(value as never, filter) ?? true);

/** For whom things may have been bought: of a digest only those whom it counts. */
export const recipientsOn = (asked: Filter | undefined, forms: readonly (string | undefined)[]): Recipient[] => {
  const digestsAlone = forms.every((form) => form !== undefined && digestAt(`purchases:${form}`) !== undefined);
  return FOR_WHOM.filter(
    (each) => (asked?.recipients?.includes(each) ?? true) && (!digestsAlone || each === "self" || each === "household"),
  );
};

/** Kinds of thing among these records, those with the most first. `counted`: of which their numbers are told. */
export function categoriesOn(records: readonly Bought[], counted: readonly Bought[]): { category: string; count: number }[] {
  const of = ({ category }: Purchase) => category;
  const counts = new Map(countsOf(counted, of).map((each) => [each.of, each.count]));
  return countsOf(records, of).flatMap(({ of: category }) =>
    category === undefined ? [] : [{ category, count: counts.get(category) ?? 0 }],
  );
}

/** What is chosen if all stays as a filter has it now, as far as it is asked for. */
export const choiceOf = (now: Filter | undefined, asked: Filter | undefined): FilterChoice => ({
  categories: now?.categories ?? [],
  all: now?.categories === undefined,
  since: [now?.since ?? "", asked?.since ?? ""].sort().at(-1),
  recipients: now?.recipients ?? FOR_WHOM,
});

/** Days from which on, the latest first: the years in which there is something, the one that holds `now`, and the bound that was asked for. Empty: no bound. */
export function sincesOf(records: readonly Bought[], asked: Filter | undefined, now?: Filter): string[] {
  const years = new Set(records.map(({ value }) => `${value.date.slice(0, 4)}-01-01`));
  if (now?.since !== undefined) years.add(now.since);
  const within = [...years].filter((day) => asked?.since === undefined || day > asked.since);
  return [...within.sort().reverse(), asked?.since ?? ""];
}

/** The day that was chosen, of those on offer; else the least of them. */
export const sinceOf = ({ since }: FilterChoice, sinces: readonly string[]): string | undefined =>
  since !== undefined && sinces.includes(since) ? since : sinces[0];

/** The filter of what was chosen, never wider than what was asked; undefined while it lets nothing through. */
export function filterOf(
  choice: FilterChoice,
  asked: Filter | undefined,
  offer: { readonly recipients: readonly Recipient[]; readonly sinces: readonly string[] },
): Filter | undefined {
  const categories = choice.all ? asked?.categories : choice.categories.filter((each) => asked?.categories?.includes(each) ?? true);
  const recipients = offer.recipients.filter((each) => choice.recipients.includes(each));
  const since = sinceOf(choice, offer.sinces);
  if (categories?.length === 0 || recipients.length === 0) return undefined;
  return { ...(categories === undefined ? {} : { categories }), ...(since ? { since } : {}), recipients };
}

/** How many values would leave: of a digest one or none. */
export function countLeaving(
  records: readonly Bought[],
  kind: Kind,
  form: string | undefined,
  filter: Filter | undefined,
  now: Date,
): number {
  if (filter === undefined) return 0;
  const values = passing(records, kind, filter).map(({ value }) => value as never);
  const digest = kind.digests.find(({ name }) => name === form);
  if (digest !== undefined) return digest.of(values, now) === null ? 0 : 1;
  const of = kind.forms.find(({ name }) => name === form)?.of;
  return of === undefined ? values.length : values.filter((value) => of(value, now) !== null).length;
}
