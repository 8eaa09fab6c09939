import * as v from "valibot";
import type { FieldSpec } from "./schema-fields.ts";

/** What is in a form's fields: texts, ticks, nested drafts, and for a grid the chosen rows. */
export type Draft = Record<string, unknown>;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

export function draftOf(fields: readonly FieldSpec[], value: unknown): Draft {
  const from = isRecord(value) ? value : {};
  return Object.fromEntries(
    fields.map((field) => {
      const each = from[field.name];
      if (field.input === "group") return [field.name, draftOf(field.fields ?? [], each)];
      if (field.input === "checkbox") return [field.name, each === true];
      if (field.input === "list") return [field.name, Array.isArray(each) ? each.join("\n") : ""];
      if (field.grid) return [field.name, gridDraft(field.grid, each)];
      return [field.name, each === undefined || each === null ? "" : String(each)];
    }),
  );
}

const gridDraft = (grid: NonNullable<FieldSpec["grid"]>, rows: unknown): Draft =>
  Object.fromEntries((Array.isArray(rows) ? rows : []).filter(isRecord).map((row) => [String(row[grid.key]), row]));

/** The value that a draft stands for; empty optional members are left out, empty required ones too, so that the schema names them. */
export function enteredOf(fields: readonly FieldSpec[], draft: Draft): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const field of fields) {
    const entered = memberOf(field, draft[field.name]);
    if (entered !== undefined) value[field.name] = entered;
  }
  return value;
}

function memberOf(field: FieldSpec, entered: unknown): unknown {
  if (field.input === "group") {
    const value = enteredOf(field.fields ?? [], isRecord(entered) ? entered : {});
    return field.optional && Object.keys(value).length === 0 ? undefined : value;
  }
  if (field.input === "checkbox") return entered === true;
  if (field.grid) return Object.values(isRecord(entered) ? entered : {});
  const text = typeof entered === "string" ? entered.trim() : "";
  if (field.input === "list") {
    const lines = text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    return lines.length === 0 && field.optional ? undefined : lines;
  }
  if (text === "") return undefined;
  return field.input === "number" ? Number(text) : text;
}

/** True while nothing has been entered. */
export const isBlank = (fields: readonly FieldSpec[], draft: Draft): boolean =>
  JSON.stringify(draftOf(fields, enteredOf(fields, draft))) === JSON.stringify(draftOf(fields, undefined));

export type FieldErrors = Record<string, { type: string; requirement: unknown }>;

/** The value if the schema takes it, else the first fault of each field, by its dotted place. */
export function checked(schema: v.GenericSchema, fields: readonly FieldSpec[], draft: Draft): { value: unknown } | { errors: FieldErrors } {
  const result = v.safeParse(schema, enteredOf(fields, draft));
  if (result.success) return { value: result.output };
  const errors: FieldErrors = {};
  for (const issue of result.issues) {
    const place =
      fields.length === 0
        ? ""
        : placeOf(
            fields,
            (issue.path ?? []).map((item) => String(item.key)),
          );
    const missing = issue.received === "undefined" || issue.type === "min_length";
    errors[place] ??= { type: missing ? "required" : issue.type, requirement: issue.requirement };
  }
  return { errors };
}

/** The faults that still hold after a change: one that was mended goes at once, a new one waits for the next try. */
export function stillWrong(schema: v.GenericSchema, fields: readonly FieldSpec[], draft: Draft, before: FieldErrors): FieldErrors {
  if (Object.keys(before).length === 0) return before;
  const result = checked(schema, fields, draft);
  return "value" in result ? {} : Object.fromEntries(Object.entries(result.errors).filter(([place]) => place in before));
}

/** An entry of a list or grid belongs to its field. */
function placeOf(fields: readonly FieldSpec[], keys: string[]): string {
  const [first = "", ...rest] = keys;
  const field = fields.find((each) => each.name === first);
  return field?.input === "group" && rest.length > 0 ? `${first}.${placeOf(field.fields ?? [], rest)}` : first;
}
