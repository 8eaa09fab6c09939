import * as v from "valibot";
import { Intent } from "#protocol/data/intents.ts";
import { Day, Decimal } from "#protocol/shapes.ts";
import { decimalOf } from "../../parts/decimals.ts";

/** What is in the form's fields. */
export interface IntentDraft {
  readonly item: string;
  readonly category: string;
  readonly details: string;
  readonly quantity: string;
  readonly condition: string;
  readonly min: string;
  readonly max: string;
  readonly currency: string;
  readonly deadline: string;
  readonly countryCode: string;
  readonly region: string;
  readonly postcodePrefix: string;
  readonly recipient: string;
  readonly audience: readonly string[];
}

export type Fault =
  | "required"
  | "amount"
  | "order"
  | "date"
  | "past"
  | "count"
  | "country"
  | "postcode"
  | "many"
  | "other"
  | { readonly long: number };
export type Faults = Partial<Record<keyof IntentDraft, Fault>>;

export function draftOf(intent: Intent | undefined, currency: string): IntentDraft {
  const { price, area } = intent ?? {};
  return {
    item: intent?.item ?? "",
    category: intent?.category ?? "",
    details: intent?.details ?? "",
    quantity: String(intent?.quantity ?? ""),
    condition: intent?.condition ?? "",
    min: price?.min ?? "",
    max: price?.max ?? "",
    currency: price?.currency ?? currency,
    deadline: intent?.deadline ?? "",
    countryCode: area?.countryCode ?? "",
    region: area?.region ?? "",
    postcodePrefix: area?.postcodePrefix ?? "",
    recipient: intent?.recipient ?? "",
    audience: intent?.audience ?? [],
  };
}

/** A thousand and more in Rome, one and a bit in London: nothing is guessed of what one wants to pay. */
const THOUSAND = /^\D*[1-9]\d{0,2}[.,]\d{3}\D*$/;

/** Something that can be seen: not only spaces and marks of no width. */
const says = (text: string): boolean => /[^\p{Z}\p{C}]/u.test(text);

/**
 * The wish that a draft stands for, or what is wrong, by field.
 * @param before as it was saved: its day may have gone by since, and stands
 * @param today YYYY-MM-DD, where the customer is
 */
export function checkedIntent(draft: IntentDraft, before: Intent | undefined, today: string): { intent: Intent } | { faults: Faults } {
  const faults: Faults = {};
  const text = (name: Exclude<keyof IntentDraft, "audience">): string | undefined => (says(draft[name]) ? draft[name].trim() : undefined);
  const sum = (name: "min" | "max"): string | undefined => {
    const typed = text(name);
    if (typed === undefined) return undefined;
    const amount = THOUSAND.test(typed) ? undefined : decimalOf(typed);
    if (v.is(Decimal, amount)) return amount;
    faults[name] = "amount";
    return undefined;
  };
  const item = text("item");
  if (item === undefined) faults.item = "required";
  const [min, max] = [sum("min"), sum("max")];
  if (min !== undefined && max !== undefined && Number(min) > Number(max)) faults.max = "order";
  const deadline = text("deadline");
  if (v.is(Day, deadline) && deadline < today && deadline !== before?.deadline) faults.deadline = "past";
  const quantity = text("quantity");
  if (quantity !== undefined && !/^\d{1,6}$/.test(quantity)) faults.quantity = "count";
  const [region, prefix, countryCode] = [text("region"), text("postcodePrefix")?.replaceAll(/\s/g, "").toUpperCase(), text("countryCode")];
  if (countryCode === undefined && (region ?? prefix) !== undefined) faults.countryCode = "country";
  if (prefix !== undefined && !/^[A-Z0-9]{1,4}$/.test(prefix)) faults.postcodePrefix = "postcode";

  const made = {
    item,
    category: text("category"),
    details: text("details"),
    price: min === undefined && max === undefined ? undefined : defined({ min, max, currency: draft.currency }),
    condition: text("condition"),
    quantity: quantity === undefined ? undefined : Number(quantity),
    deadline,
    area: countryCode === undefined ? undefined : defined({ countryCode, region, postcodePrefix: prefix }),
    recipient: text("recipient"),
    audience: draft.audience.length === 0 ? undefined : [...draft.audience],
    state: before?.state ?? "open",
    ended: before?.ended,
  };
  const result = v.safeParse(Intent, defined(made));
  if (result.success && Object.keys(faults).length === 0) return { intent: result.output };
  for (const issue of result.issues ?? []) {
    const [first, second] = (issue.path ?? []).map((each) => String(each.key));
    const name = (first === "price" || first === "area" ? second : first) as keyof IntentDraft;
    faults[name] ??= issue.type === "max_length" && name !== "audience" ? { long: Number(issue.requirement) } : (BY_FIELD[name] ?? "other");
  }
  return { faults };
}

const BY_FIELD: Faults = {
  quantity: "count",
  deadline: "date",
  postcodePrefix: "postcode",
  countryCode: "country",
  audience: "many",
};

const defined = (members: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
