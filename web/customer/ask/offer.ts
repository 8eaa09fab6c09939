import type { AuthorizationDetail, Filter } from "#protocol/authorization-details.ts";
import type { StoreView } from "../../vault/vault.ts";
import {
  categoriesOn,
  countLeaving,
  type FilterChoice,
  filterOf,
  passing,
  recipientsOn,
  recordsOf,
  sinceOf,
  sincesOf,
} from "./collection.ts";
import type { Pick } from "./granted.ts";

/** What there is to choose from for an object's filter, once one of its collections is ticked. `now`: the filter in force, whose choices stay on offer. */
export function offerOf(store: StoreView, { filter }: AuthorizationDetail, picks: readonly Pick[], choice: FilterChoice, now?: Filter) {
  const [first] = picks;
  if (first === undefined) return undefined;
  const { kind } = first.row;
  const recipients = recipientsOn(
    filter,
    picks.map(({ form }) => form),
  );
  const records = passing(recordsOf(store, kind), kind, { ...filter, recipients });
  const sinces = sincesOf(records, filter, now);
  const since = sinceOf(choice, sinces);
  const chosen = recipients.filter((each) => choice.recipients.includes(each));
  const counted = passing(records, kind, { ...(since ? { since } : {}), recipients: chosen.length === 0 ? recipients : chosen });
  const found = categoriesOn(records, counted);
  const kept = (now?.categories ?? []).filter(
    (each) => (filter?.categories?.includes(each) ?? true) && found.every(({ category }) => category !== each),
  );
  return { records, recipients, categories: [...found, ...kept.map((category) => ({ category, count: 0 }))], sinces };
}

/** What was chosen of an object's collections: the filter, and which rows would leave nothing by it. */
export function chosenOf(
  store: StoreView,
  detail: AuthorizationDetail,
  picks: readonly Pick[],
  choice: FilterChoice,
  today: Date,
  now?: Filter,
) {
  const offer = offerOf(store, detail, picks, choice, now);
  const filter = offer && filterOf(choice, detail.filter, offer);
  const isEmpty = ({ row, form }: Pick): boolean => countLeaving(offer?.records ?? [], row.kind, form, filter, today) === 0;
  return { offer, filter, empty: picks.some(isEmpty) };
}
