import { toJsonSchema } from "@valibot/to-json-schema";
import fc from "fast-check";
import type * as v from "valibot";

type Schema = Record<string, unknown>;

/** Values of a schema, as its JSON Schema tells: what has the right form, and says nothing that fits. */
export function valuesOf(schema: v.GenericSchema): fc.Arbitrary<unknown> {
  return of(toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" }) as Schema);
}

function of(schema: Schema): fc.Arbitrary<unknown> {
  if ("const" in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  const any = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (any !== undefined) return fc.oneof(...any.map(of));
  const all = schema.allOf as Schema[] | undefined;
  if (all !== undefined) return of(Object.assign({}, ...all));
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "number":
    case "integer":
      return fc.integer({ min: Number(schema.minimum ?? 0), max: Math.min(Number(schema.maximum ?? 2 ** 31), 2 ** 53 - 1) });
    case "string":
      return text(schema);
    case "array":
      return fc.array(of((schema.items ?? {}) as Schema), {
        minLength: Number(schema.minItems ?? 0),
        maxLength: Math.min(3, Number(schema.maxItems ?? 3)),
      });
    case "object":
      return object(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object({ properties = {}, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  const known = Object.entries(properties as Record<string, Schema>).map(([name, each]) => [name, of(each)] as const);
  if (known.length === 0 && typeof additionalProperties === "object")
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), of((additionalProperties ?? {}) as Schema), { maxKeys: 3 });
  return fc.record(Object.fromEntries(known), { requiredKeys: required as string[] });
}

/** A pattern that can't be turned into texts (one that looks ahead) gives any text of the length. */
function text({ pattern, minLength, maxLength, format }: Schema): fc.Arbitrary<string> {
  if (format === "uri") return fc.constantFrom("http://127.0.0.1:1/events", "https://receiver.example/events", "https://10.0.0.1/events");
  const within = { minLength: Number(minLength ?? 0), maxLength: Math.min(Number(maxLength ?? 40), 200) };
  if (typeof pattern === "string") {
    try {
      return fc.stringMatching(new RegExp(pattern, "u"), { maxLength: Math.max(within.maxLength, 90) });
    } catch {
      return fc.string(within);
    }
  }
  return fc.string(within);
}
