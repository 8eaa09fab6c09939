import { type Signal, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { AuthorizationDetail, AuthorizationDetails, Filter } from "#protocol/authorization-details.ts";
import type { Draft, FieldErrors } from "../../parts/draft.ts";
import type { Edit, SharedValue, StoreView } from "../../vault/vault.ts";
import type { FilterChoice } from "./collection.ts";
import { actionsOf, editsOf, grantedOf, type Pick } from "./granted.ts";
import type { RowChoice } from "./item-row.tsx";
import { type Item, itemsOf, type Row } from "./items.ts";
import { useLoaded } from "./loaded.ts";
import { usePreview } from "./preview.ts";
import type { Until } from "./until.ts";

const NOTHING: FilterChoice = { categories: [], all: false, since: undefined, recipients: [] };

/** Asked for by few requests. */
const loadWhole = async () => {
  const [{ CollectionRow }, { chosenOf }] = await Promise.all([import("./collection-row.tsx"), import("./offer.ts")]);
  return { CollectionRow, chosenOf };
};
/** Needed for what isn't in the store yet. */
const loadTyping = () => import("./typed-value.tsx");
type Whole = Awaited<ReturnType<typeof loadWhole>>;
type Typing = Awaited<ReturnType<typeof loadTyping>>;

export interface Choosing {
  readonly groups: readonly (readonly Item[])[];
  readonly rows: readonly Row[];
  readonly ticked: readonly Pick[];
  /** What of it would be granted. */
  readonly picks: readonly Pick[];
  /** Of whole collections, by object. */
  readonly chosen: ReadonlyArray<ReturnType<Whole["chosenOf"]> | undefined>;
  readonly filters: ReadonlyArray<Filter | undefined>;
  readonly whole: Whole | undefined;
  readonly typing: Typing | undefined;
  /** A part that was needed didn't come. */
  readonly isBroken: boolean;
  readonly choiceOf: (row: Row) => RowChoice;
  readonly choose: (row: Row, choice: RowChoice) => void;
  readonly draftFor: (row: Row) => Draft;
  readonly write: (row: Row, draft: Draft) => void;
  readonly addTyped: (item: Item) => void;
  readonly leavesOf: (pick: Pick) => string | null | undefined;
  readonly linesOf: (pick: Pick) => readonly SharedValue[] | undefined;
  readonly whichOf: (at: number) => FilterChoice;
  readonly faults: Signal<Record<string, FieldErrors>>;
  readonly dayFault: Signal<boolean>;
  readonly until: Signal<Until>;
  readonly actions: Signal<Record<number, readonly string[]>>;
  readonly which: Signal<Record<number, FilterChoice>>;
  /** Details of what was chosen, no wider than `within`; undefined while nothing is ticked or no day is. */
  readonly details: (within: AuthorizationDetails, at: number) => AuthorizationDetails | undefined;
  /** Looks over what was typed: what would be saved, and how many places are wrong, which are marked. */
  readonly check: () => { readonly edits: Edit[]; readonly wrong: number };
}

/**
 * What is ticked and typed on a request screen (C3): nothing at first. `held`: what the same shop can read now, by object. `now`: the
 * objects in force that these would replace; what is ticked of them starts in the form that they have.
 */
export function useChoosing(
  asked: AuthorizationDetails,
  store: StoreView,
  time: number,
  held: readonly (readonly string[])[],
  now: ReadonlyArray<AuthorizationDetail | undefined> = [],
): Choosing {
  const choices = useSignal<Record<string, RowChoice>>({});
  const drafts = useSignal<Record<string, Draft>>({});
  const typedRows = useSignal<Record<string, number>>({});
  const faults = useSignal<Record<string, FieldErrors>>({});
  const dayFault = useSignal(false);
  const until = useSignal<Until>(now.length === 0 ? { kind: "once" } : { kind: "kept" });
  const actions = useSignal<Record<number, readonly string[]>>({});
  const which = useSignal<Record<number, FilterChoice>>({});

  const groups = useMemo(() => itemsOf(asked, store, typedRows.value, held, new Date(time)), [asked, store, typedRows.value, held, time]);
  const rows = groups.flat().flatMap((item) => item.rows);
  const first = (row: Row): string | undefined => (row.held !== null && now[row.detail] !== undefined ? row.held.form : row.forms[0]);
  const choiceOf = (row: Row): RowChoice => choices.value[row.id] ?? { ticked: false, form: first(row) };
  const { it: typing, failed: noTyping } = useLoaded(
    rows.some(({ draft }) => draft !== undefined),
    loadTyping,
  );
  const { it: whole, failed: noWhole } = useLoaded(
    rows.some((row) => row.whole),
    loadWhole,
  );
  const draftFor = (row: Row): Draft => drafts.value[row.draft ?? ""] ?? typing?.blankOf(row.kind) ?? {};
  const ticked: Pick[] = rows.map((row) => ({ row, ...choiceOf(row) })).filter((each) => each.ticked);
  const whichOf = (at: number): FilterChoice => which.value[at] ?? NOTHING;
  const chosen = asked.map((detail, at) =>
    whole?.chosenOf(
      store,
      detail,
      ticked.filter(({ row }) => row.whole && row.detail === at),
      whichOf(at),
      new Date(time),
      now[at]?.filter,
    ),
  );
  const filters = chosen.map((each) => each?.filter);
  /** Of an object that asks to do something besides reading, and not to read, nothing is shared before that is ticked. */
  const picks = ticked.filter(({ row }) => actionsOf(asked[row.detail], actions.value[row.detail]).length > 0);
  const typed = (): { values: Map<string, unknown>; faults: Record<string, FieldErrors> } => {
    const values = new Map<string, unknown>();
    const found: Record<string, FieldErrors> = {};
    for (const { row } of ticked) {
      if (row.draft === undefined) continue;
      const result = typing?.enteredAs(row.kind, draftFor(row)) ?? { errors: {} };
      if ("value" in result) values.set(row.draft, result.value);
      else found[row.draft] = result.errors;
    }
    return { values, faults: found };
  };
  const { values } = typed();
  const ready = ticked.filter(({ row }) => row.draft === undefined || values.has(row.draft));
  return {
    groups,
    rows,
    ticked,
    picks,
    chosen,
    filters,
    whole,
    typing,
    isBroken: noTyping || noWhole,
    choiceOf,
    choose: (row, choice) => {
      choices.value = { ...choices.value, [row.id]: choice };
    },
    draftFor,
    write: (row, draft) => {
      const of = row.draft ?? "";
      drafts.value = { ...drafts.value, [of]: draft };
      faults.value = { ...faults.value, [of]: typing?.faultsLeft(row.kind, draft, faults.value[of] ?? {}) ?? {} };
    },
    addTyped: ({ kind, rows: own }) => {
      typedRows.value = { ...typedRows.value, [kind.path]: own.filter((row) => row.draft !== undefined).length + 1 };
    },
    ...usePreview(asked, ready, values, filters, time),
    whichOf,
    faults,
    dayFault,
    until,
    actions,
    which,
    details: (within, at) => grantedOf(within, picks, { until: until.value, actions: actions.value, filters }, at),
    check: () => {
      const entered = typed();
      faults.value = entered.faults;
      const wrong = Object.values(entered.faults).flatMap((each) => Object.keys(each)).length;
      // A part that hasn't come finds nothing wrong, and nothing right.
      return { edits: editsOf(picks, entered.values), wrong: Math.max(wrong, Object.keys(entered.faults).length) };
    },
  };
}
