import type * as v from "valibot";

/** One field of a form, as read from a kind's schema. `name`: the member of the value. */
export interface FieldSpec {
  name: string;
  input: "text" | "email" | "tel" | "date" | "number" | "country" | "select" | "checkbox" | "long" | "list" | "grid" | "group";
  optional: boolean;
  most?: number;
  /** select: the values on offer; grid: those of the key. */
  options?: readonly string[];
  /** grid: the key's and the answer's member, and the answers on offer. */
  grid?: { key: string; answer: string; answers: readonly string[] };
  /** group: the fields of the nested object. */
  fields?: FieldSpec[];
}

/** What valibot's schemas look like at run time, as far as forms go. */
interface Node {
  type: string;
  wrapped?: Node;
  entries?: Record<string, Node>;
  options?: readonly string[];
  item?: Node;
  pipe?: readonly { type: string; requirement?: unknown }[];
}

const BY_NAME: Record<string, FieldSpec["input"]> = { countryCode: "country", number: "tel" };

function spec(name: string, schema: Node): FieldSpec {
  if (schema.type === "optional" && schema.wrapped) return { ...spec(name, schema.wrapped), optional: true };
  const has = (type: string) => schema.pipe?.find((each) => each.type === type);
  const most = has("max_length")?.requirement;
  const base = { name, optional: false, ...(typeof most === "number" ? { most } : {}) };
  switch (schema.type) {
    case "strict_object":
      return { ...base, input: "group", fields: Object.entries(schema.entries ?? {}).map(([key, each]) => spec(key, each)) };
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
      return { ...base, input: BY_NAME[name] ?? (typeof most === "number" && most > 200 ? "long" : "text") };
  }
}

/** A list of objects with two closed choices asks the second one for each value of the first. */
function arraySpec(base: { name: string; optional: boolean }, item: Node | undefined): FieldSpec {
  const closed = Object.entries(item?.entries ?? {}).filter(([, each]) => each.type === "picklist");
  const [key, answer] = closed;
  if (key && answer)
    return {
      ...base,
      input: "grid",
      options: key[1].options ?? [],
      grid: { key: key[0], answer: answer[0], answers: answer[1].options ?? [] },
    };
  return { ...base, input: "list" };
}

/** The fields of the form for a kind's schema, in the schema's order. */
export const fieldsOf = (schema: v.GenericSchema): FieldSpec[] => spec("", schema as unknown as Node).fields ?? [];
