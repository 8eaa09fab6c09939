import * as v from "valibot";
import { usualCurrency } from "./currencies.ts";
import { decimalOf } from "./decimals.ts";
import type { FieldSpec } from "./schema-fields.ts";

/** What is in a form's fields: texts, ticks, nested drafts, lists of what is chosen, and the rows of rules. */
export type Draft = Record<string, unknown>;

/** A row of rules: what its question is about, the answer (undefined: none), and what is asked of an allowed one. */
export interface RuleDraft {
  readonly key: string;
  readonly allowed: boolean | undefined;
  readonly draft: Draft;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** The draft of a value; without one, an empty form with what this device can tell filled in. */
export function draftOf(fields: readonly FieldSpec[], value: unknown): Draft {
  const from = isRecord(value) ? value : undefined;
  return Object.fromEntries(fields.map((field) => [field.name, memberDraft(field, from?.[field.name], from === undefined)]));
}

function memberDraft(field: FieldSpec, value: unknown, isNew: boolean): unknown {
  if (field.input === "group") return draftOf(field.fields ?? [], isWholeDay(field, value) ? { ...value, from: "", to: "" } : value);
  if (field.input === "checkbox") return value === true;
  if (field.input === "list") return Array.isArray(value) ? value.join("\n") : "";
  if (field.input === "choices") return Array.isArray(value) ? value : [];
  if (field.input === "rules") return ruleDrafts(field, value);
  if (value !== undefined && value !== null) return String(value);
  // Without a zone, hours would count in one that nobody lives in.
  return isNew || field.input === "zone" ? preset(field) : "";
}

/** What is filled in by itself; a group in which only that stands is still empty. */
function preset({ input }: FieldSpec): string {
  if (input === "currency") return usualCurrency(globalThis.navigator?.languages ?? []);
  if (input === "zone") return Intl.DateTimeFormat().resolvedOptions().timeZone;
  return input === "duration" ? "P7D" : "";
}
const isPreset = ({ input }: FieldSpec): boolean => input === "currency" || input === "zone" || input === "duration";

/** A row for each option in the schema's order, then those of a second rule for the same one. */
function ruleDrafts(field: FieldSpec, value: unknown): RuleDraft[] {
  const { rule = { key: "", allowed: "" }, options = [], fields = [] } = field;
  const rows = (Array.isArray(value) ? value : []).filter(isRecord).map((row) => ({
    key: String(row[rule.key]),
    allowed: row[rule.allowed] === true,
    draft: draftOf(fields, row),
  }));
  const firsts = options.map(
    (key) => rows.find((row) => row.key === key) ?? { key, allowed: undefined, draft: draftOf(fields, undefined) },
  );
  return [...firsts, ...rows.filter((row) => !firsts.includes(row))];
}

export const rulesOf = (draft: unknown): readonly RuleDraft[] => (Array.isArray(draft) ? draft : []);

/** The value that a draft stands for; empty optional members are left out, empty required ones too, so that the schema names them. */
export function enteredOf(fields: readonly FieldSpec[], draft: Draft): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const field of fields) {
    const entered = memberOf(field, draft[field.name]);
    if (entered !== undefined) value[field.name] = entered;
  }
  return value;
}

/** Days without hours are whole ones: from midnight to the end of the day (protocol/data/contact.ts). */
const MIDNIGHT = "00:00";
const isSpan = ({ fields = [] }: FieldSpec): boolean =>
  ["from", "to"].every((end) => fields.some(({ name, input }) => name === end && input === "time"));
const isWholeDay = (field: FieldSpec, value: unknown): value is Record<string, unknown> =>
  isSpan(field) && isRecord(value) && value.from === MIDNIGHT && value.to === MIDNIGHT;

const tells = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0);

function memberOf(field: FieldSpec, entered: unknown): unknown {
  const { input, fields = [], optional, rule } = field;
  if (input === "group") {
    const value = enteredOf(fields, isRecord(entered) ? entered : {});
    if (optional && !fields.some((each) => !isPreset(each) && tells(value[each.name]))) return undefined;
    return isSpan(field) && value.from === undefined && value.to === undefined ? { ...value, from: MIDNIGHT, to: MIDNIGHT } : value;
  }
  if (input === "checkbox") return entered === true;
  if (input === "choices") return Array.isArray(entered) && (entered.length > 0 || !optional) ? entered : undefined;
  if (input === "rules" && rule)
    return answered(entered).map(({ key, allowed, draft }) => ({
      [rule.key]: key,
      [rule.allowed]: allowed,
      ...(allowed ? enteredOf(fields, draft) : {}),
    }));
  const text = typeof entered === "string" ? entered.trim() : "";
  if (input === "list") {
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    return lines.length === 0 && optional ? undefined : lines;
  }
  if (text === "") return undefined;
  if (input === "number") return /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (input === "decimal") return decimalOf(text);
  return input === "capitals" ? text.toUpperCase() : text;
}

const answered = (entered: unknown): readonly RuleDraft[] => rulesOf(entered).filter(({ allowed }) => allowed !== undefined);

/** True while nothing has been entered. */
export const isBlank = (fields: readonly FieldSpec[], draft: Draft): boolean =>
  JSON.stringify(enteredOf(fields, draft)) === JSON.stringify(enteredOf(fields, draftOf(fields, undefined)));

/** By the dotted place of a field: `price.amount`; of a rule with its row's number: `channels.0.hours.to`. */
export type FieldErrors = Record<string, { type: string; requirement: unknown }>;

/**
 * The value if the schema takes it, else the first fault of each field.
 * @param fixed members that the form doesn't ask for
 */
export function checked(
  schema: v.GenericSchema,
  fields: readonly FieldSpec[],
  draft: Draft,
  fixed: Readonly<Record<string, unknown>> = {},
): { value: unknown } | { errors: FieldErrors } {
  const result = v.safeParse(schema, { ...fixed, ...enteredOf(fields, draft) });
  if (result.success) return { value: result.output };
  const errors: FieldErrors = {};
  for (const issue of result.issues) {
    const keys = (issue.path ?? []).map((item) => String(item.key));
    const missing = issue.received === "undefined" || issue.type === "min_length";
    errors[placeOf(fields, keys, draft)] ??= { type: missing ? "required" : issue.type, requirement: issue.requirement };
  }
  return { errors };
}

/** The faults that still hold after a change: one that was mended goes at once, a new one waits for the next try. */
export function stillWrong(
  schema: v.GenericSchema,
  fields: readonly FieldSpec[],
  draft: Draft,
  before: FieldErrors,
  fixed: Readonly<Record<string, unknown>> = {},
): FieldErrors {
  if (Object.keys(before).length === 0) return before;
  const result = checked(schema, fields, draft, fixed);
  return "value" in result ? {} : Object.fromEntries(Object.entries(result.errors).filter(([place]) => place in before));
}

/** An entry of a list belongs to its field; of rules only the answered ones are in the value, so their numbers are counted back. */
function placeOf(fields: readonly FieldSpec[], keys: readonly string[], draft: Draft): string {
  const [first = "", ...rest] = keys;
  const field = fields.find((each) => each.name === first);
  const inner = draft[first];
  if (field?.input === "group" && rest.length > 0) return `${first}.${placeOf(field.fields ?? [], rest, isRecord(inner) ? inner : {})}`;
  if (field?.input === "rules" && rest.length > 1) {
    const row = answered(inner)[Number(rest[0])];
    if (row) return `${first}.${rulesOf(inner).indexOf(row)}.${placeOf(field.fields ?? [], rest.slice(1), row.draft)}`;
  }
  return first;
}

/** The faults of what lies under a place, by their places in it. */
export const faultsUnder = (place: string, errors: FieldErrors): FieldErrors =>
  Object.fromEntries(
    Object.entries(errors).flatMap(([at, fault]) => (at.startsWith(`${place}.`) ? [[at.slice(place.length + 1), fault] as const] : [])),
  );
