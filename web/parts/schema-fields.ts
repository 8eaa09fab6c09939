import type * as v from "valibot";
import { KINDS } from "#protocol/categories.ts";
import { CountryCode, Currency, Decimal, Duration, LanguageTag, Path } from "#protocol/shapes.ts";

/** One field of a form, as read from a schema. `name`: the member of the value. */
export interface FieldSpec {
  name: string;
  /** Where its words are looked up (wordAt): `purchases.price.currency`. */
  place: string;
  input: Input;
  optional: boolean;
  most?: number;
  /** select, choices: the values on offer; rules: those of the key. */
  options?: readonly string[];
  /** rules: the member that names a row and the one that allows. */
  rule?: { key: string; allowed: string };
  /** group: the fields of the nested object; rules: those of a row that is allowed. */
  fields?: FieldSpec[];
}

type Input =
  | "text"
  | "long"
  | "list"
  | "email"
  | "tel"
  | "date"
  | "time"
  | "number"
  | "decimal"
  | "capitals"
  | "country"
  | "currency"
  | "language"
  | "zone"
  | "duration"
  | "record"
  | "select"
  | "checkbox"
  | "choices"
  | "rules"
  | "group";

/** What valibot's schemas look like at run time, as far as forms go. */
interface Node {
  type: string;
  wrapped?: Node;
  entries?: Record<string, Node>;
  options?: readonly string[];
  item?: Node;
  pipe?: readonly { type: string; requirement?: unknown }[];
}

/** Shapes that several kinds share, known by themselves. */
const BY_SHAPE = new Map<unknown, Input>([
  [CountryCode, "country"],
  [Currency, "currency"],
  [Decimal, "decimal"],
  [Duration, "duration"],
  [LanguageTag, "language"],
  [Path, "record"],
]);
const BY_NAME: Record<string, Input> = {
  item: "text",
  number: "tel",
  from: "time",
  to: "time",
  timeZone: "zone",
  postcodePrefix: "capitals",
};

function spec(name: string, above: string, schema: Node): FieldSpec {
  if (schema.type === "optional" && schema.wrapped) return { ...spec(name, above, schema.wrapped), optional: true };
  const has = (type: string) => schema.pipe?.find((each) => each.type === type);
  const most = has("max_length")?.requirement;
  const place = [above, name].filter(Boolean).join(".");
  const base = { name, place, optional: false, ...(typeof most === "number" ? { most } : {}) };
  switch (schema.type) {
    case "strict_object":
      return { ...base, input: "group", fields: members(place, schema) };
    case "picklist":
      return { ...base, input: "select", options: schema.options ?? [] };
    case "boolean":
      return { ...base, input: "checkbox" };
    case "number":
      return { ...base, input: "number" };
    case "array":
      return arraySpec(base, schema.item);
    default:
      if (has("email")) return { ...base, input: "email" };
      if (has("iso_date")) return { ...base, input: "date" };
      return { ...base, input: BY_SHAPE.get(schema) ?? BY_NAME[name] ?? (typeof most === "number" && most > 200 ? "long" : "text") };
  }
}

const members = (place: string, { entries }: Node): FieldSpec[] =>
  Object.entries(entries ?? {}).map(([name, each]) => spec(name, place, each));

/** A list of objects that are told apart by a closed choice, and allow or don't, is a question for each of the choices. */
function arraySpec(base: { name: string; place: string; optional: boolean }, item: Node | undefined): FieldSpec {
  const named = (type: string) => Object.entries(item?.entries ?? {}).find(([, each]) => each.type === type);
  const [key, allowed] = [named("picklist"), named("boolean")];
  if (item && key && allowed) {
    const rule = { key: key[0], allowed: allowed[0] };
    const fields = members(base.place, item).filter(({ name }) => name !== rule.key && name !== rule.allowed);
    return { ...base, input: "rules", options: key[1].options ?? [], rule, fields };
  }
  return item?.type === "picklist" ? { ...base, input: "choices", options: item.options ?? [] } : { ...base, input: "list" };
}

const known = new WeakMap<v.GenericSchema, readonly FieldSpec[]>();

/** The fields of the form for a schema, in its order. A kind's fields have their place under its path. */
export function fieldsOf(schema: v.GenericSchema): readonly FieldSpec[] {
  const before = known.get(schema);
  if (before) return before;
  const kind = KINDS.find((each) => each.schema === schema);
  const fields = members(kind?.path ?? "", schema as unknown as Node);
  known.set(schema, fields);
  return fields;
}
